/** What the pieces of a file say of values and operators. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type AttributeProtoSchema,
  type NodeProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import type { Attribute, Attributes } from "./emit.ts";
import { DataType, type Kind, unknownSize, type Value } from "./value.ts";

/** Of a value of which nothing is known. */
export const UNKNOWN: Kind = { type: DataType.UNDEFINED, shape: undefined };

/** What a row tells, and where it does not know, what the file says. */
export function refined(kind: Kind, said: Kind | undefined): Kind {
  if (said === undefined || kind.items !== undefined) return kind;
  const type = kind.type === DataType.UNDEFINED ? said.type : kind.type;
  if (kind.shape === undefined) return { ...kind, type, shape: said.shape };
  const shape = kind.shape.map((size, axis) => {
    const other = said.shape?.length === kind.shape!.length ? said.shape[axis] : undefined;
    return typeof size === "string" && size.startsWith("?") && typeof other === "number"
      ? other
      : size;
  });
  return { ...kind, type, shape };
}

/** What the file says of a value. */
export function declared({ type }: ValueInfoProto): Kind {
  if (type?.value.case !== "tensorType") return UNKNOWN;
  const { elemType, shape } = type.value.value;
  return {
    type: elemType,
    shape: shape?.dim.map(({ value }) =>
      value.case === "dimValue"
        ? Number(value.value)
        : value.case === "dimParam" && value.value !== "" && !value.value.startsWith("?")
        ? value.value
        : unknownSize()
    ),
  };
}

/** What the file says of an input or output. */
export function infoOf({ name, type, shape }: Value): ValueInfoProto {
  const dim = shape?.map((size) => ({
    value: typeof size === "number"
      ? { case: "dimValue" as const, value: BigInt(size) }
      : { case: "dimParam" as const, value: size },
  }));
  const value = { elemType: type, shape: dim && { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value } } });
}

/** The attributes of a node. */
export function attributesOf(node: NodeProto): Attributes {
  return Object.fromEntries(node.attribute.map((each) => [each.name, readAttribute(each)]));
}

function readAttribute(proto: AttributeProto): Attribute {
  switch (proto.type) {
    case AttributeType.INT:
      return Number(proto.i);
    case AttributeType.INTS:
      return proto.ints.map(Number);
    case AttributeType.FLOAT:
      return { float: proto.f };
    case AttributeType.STRING:
      return new TextDecoder().decode(proto.s);
    default:
      return { proto };
  }
}

/** An attribute as it is in a file. */
export function attributeOf(
  name: string,
  value: Attribute,
): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === "number") return { name, type: AttributeType.INT, i: BigInt(value) };
  if (typeof value === "string") {
    return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  if ("float" in value) return { name, type: AttributeType.FLOAT, f: value.float };
  if ("proto" in value) return value.proto;
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
}

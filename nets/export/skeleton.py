"""Turns a module into a skeleton: traces it, then keeps only the name and shape of each weight."""

import gzip
import io
import warnings

import onnx
import torch
from onnx import TensorProto, helper

from . import weights

OPSET = 17
# ONNX Runtime and tract replace the whole tensor, so no file of this name has to exist.
EXTERNAL_LOCATION = "w"
INLINE_FLOAT_BYTES_MAX = 64 * 1024


def built(net):
    """The module of `net` with its random weights, made without PyTorch's own slow initialisation."""
    with torch.device("meta"):
        module = net.build()
    module.load_state_dict(random_state(module), assign=True)
    return module.eval().requires_grad_(False)


def random_state(module):
    return {name: random_tensor(name, tensor) for name, tensor in module.state_dict().items()}


def random_tensor(name, tensor):
    # `num_batches_tracked` of batch norms, the only integers, is a count that no graph uses.
    if not tensor.is_floating_point():
        return torch.zeros(tensor.shape, dtype=tensor.dtype)
    return torch.from_numpy(weights.weight(name, tuple(tensor.shape)))


def wanted_names(module):
    """The checkpoint's tensors that the graph must name, in the module's order."""
    return [name for name, tensor in module.state_dict().items() if tensor.is_floating_point()]


def skeleton(net, module):
    """The graph of `module` as `onnx.ModelProto`, its weights external and empty."""
    model = traced(net, module)
    # Once the weights are external, ONNX's checker would look for their file.
    onnx.checker.check_model(model)
    names = wanted_names(module)
    check_names(model, names)
    move_weights(model, module.state_dict(), names)
    declare_shapes(model, net)
    strip(model)
    merge_constants(model)
    check_inline(model)
    return model


def traced(net, module):
    """The exported graph, each weight still one of its inputs.

    Weights as inputs are neither folded, fused, renamed nor merged with equal ones, and the message
    stays below protobuf's 2 GB.
    """
    inputs = tuple(torch.from_numpy(array) for array in net.arrays(net.cases[0]))
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The tracer warns about each size that it takes as a constant; the second case finds a wrong one.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            inputs,
            buffer,
            dynamo=False,
            export_params=False,
            do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            opset_version=OPSET,
            input_names=[entry.name for entry in net.inputs],
            output_names=list(net.outputs),
            dynamic_axes=open_axes(net),
        )
    return onnx.load_model_from_string(buffer.getvalue())


def open_axes(net):
    shapes = {entry.name: entry.shape for entry in net.inputs} | net.outputs
    return {
        name: {axis: dim for axis, dim in enumerate(shape) if isinstance(dim, str)}
        for name, shape in shapes.items()
    }


def check_names(model, names):
    used = {name for node in model.graph.node for name in node.input}
    missing = [name for name in names if name not in used]
    if missing:
        raise ValueError(f"not in the graph: {missing}")
    if model.graph.initializer:
        raise ValueError(f"unnamed weights: {[entry.name for entry in model.graph.initializer]}")


def move_weights(model, state, names):
    """Turns the inputs that are weights into external initialisers."""
    graph = model.graph
    kept = [entry for entry in graph.input if entry.name not in state]
    del graph.input[:]
    graph.input.extend(kept)
    graph.initializer.extend(external(name, state[name]) for name in names)


def declare_shapes(model, net):
    """Gives inputs and outputs the shapes of `net`: the tracer loses some of the open axes' names."""
    shapes = {entry.name: entry.shape for entry in net.inputs} | net.outputs
    for entry in (*model.graph.input, *model.graph.output):
        tensor_type = entry.type.tensor_type
        shape = helper.make_tensor_type_proto(tensor_type.elem_type, shapes[entry.name])
        entry.type.CopyFrom(shape)


def external(name, tensor):
    proto = TensorProto(
        name=name,
        dims=tensor.shape,
        data_type=TensorProto.FLOAT,
        data_location=TensorProto.EXTERNAL,
    )
    length = tensor.numel() * tensor.element_size()
    for key, value in (("location", EXTERNAL_LOCATION), ("offset", "0"), ("length", str(length))):
        proto.external_data.add(key=key, value=value)
    return proto


def strip(model):
    """Removes what no runtime reads, so that the bytes depend only on the graph."""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    model.ClearField("producer_version")
    model.graph.ClearField("doc_string")
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]


def merge_constants(model):
    """Merges equal constants, because the tracer repeats a constant wherever it is used."""
    first, replaced, kept = {}, {}, []
    for node in model.graph.node:
        node.input[:] = [replaced.get(name, name) for name in node.input]
        if node.op_type == "Constant":
            value = node.attribute[0].SerializeToString(deterministic=True)
            replaced[node.output[0]] = first.setdefault(value, node.output[0])
        if replaced.get(node.output[0], node.output[0]) == node.output[0]:
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)


def check_inline(model):
    """Refuses a large constant in the graph: it is a table that the host should compute."""
    for node in model.graph.node:
        for attribute in node.attribute:
            size = len(attribute.t.raw_data)
            if attribute.t.data_type == TensorProto.FLOAT and size > INLINE_FLOAT_BYTES_MAX:
                raise ValueError(f"{node.output[0]} holds {size} bytes")


def packed(model):
    """The committed bytes: the same for the same graph."""
    return gzip.compress(model.SerializeToString(deterministic=True), compresslevel=9, mtime=0)

"""Runs a module and its skeleton on the same weights and inputs, and compares."""

import numpy as np
import onnxruntime
import torch

DIFFERENCE_MAX = 1e-4


def torch_outputs(module, arrays):
    """The outputs of `module` as a list of arrays."""
    with torch.inference_mode():
        outputs = module(*(torch.from_numpy(array) for array in arrays))
    if isinstance(outputs, torch.Tensor):
        outputs = (outputs,)
    return [output.numpy() for output in outputs]


def session(model, module):
    """An ONNX Runtime session of the skeleton with the module's weights bound to it."""
    options = onnxruntime.SessionOptions()
    # Optimised graphs hold second copies of the weights: too much memory for the largest nets.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.enable_cpu_mem_arena = False
    options.intra_op_num_threads = torch.get_num_threads()
    state = module.state_dict()
    names = [entry.name for entry in model.graph.initializer]
    # The values borrow the module's memory, so the module has to outlive the session.
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(state[name].numpy()) for name in names]
    options.add_external_initializers(names, values)
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def checked_difference(net, module, model):
    """The largest relative difference over all cases of `net`; an error if it is too large."""
    run = session(model, module)
    largest = 0.0
    for axes in net.cases:
        arrays = net.arrays(axes)
        feed = {entry.name: array for entry, array in zip(net.inputs, arrays, strict=True)}
        actual = run.run(list(net.outputs), feed)
        expected = torch_outputs(module, arrays)
        for name, ours, theirs in zip(net.outputs, expected, actual, strict=True):
            check_alive(f"{net.name}.{name}", ours)
            largest = max(largest, relative_difference(ours, theirs))
    if not largest <= DIFFERENCE_MAX:
        raise ValueError(f"{net.name} differs by {largest:.1e} between PyTorch and ONNX Runtime")
    return largest


def check_alive(what, values):
    """Weights that explode or die make a golden that proves nothing."""
    if not np.isfinite(values).all():
        raise ValueError(f"{what} is not finite")
    if values.size > 1 and np.ptp(values) == 0:
        raise ValueError(f"{what} is constant")


def relative_difference(expected, actual):
    """The largest absolute difference, divided by the largest absolute value."""
    if expected.shape != actual.shape:
        raise ValueError(f"shape {actual.shape} instead of {expected.shape}")
    return float(np.abs(expected - actual).max() / np.abs(expected).max())

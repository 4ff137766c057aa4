"""Makes the skeletons: ONNX graphs of public networks that hold no weights.

Run `python -m export` in the folder above. README.md tells what each file is.
"""

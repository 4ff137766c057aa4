"""vidbench's worker for models that diffusers can load."""

__version__ = "0.1.0"

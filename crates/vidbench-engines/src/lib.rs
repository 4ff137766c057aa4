//! Engines: the client side of the worker protocol and its conformance suite

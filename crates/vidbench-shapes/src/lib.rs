//! The synthetic domain of moving shapes: grammar, renderer, analyser

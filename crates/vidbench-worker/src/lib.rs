//! The worker side of the protocol: serve loop, embedded generator, scorer

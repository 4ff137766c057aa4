//! Metrics: one file per metric, pure functions of frames and features

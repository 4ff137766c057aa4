//! Runs a plan: scenarios, validation, recording, resume

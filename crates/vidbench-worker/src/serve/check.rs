//! Requests that no worker can serve, whatever its model: they are refused before the handler sees them.

use std::path::Path;

use vidbench_core::protocol::{GenerateParams, LoadParams, RpcError};
use vidbench_core::{ErrorKind, Params};

pub(super) fn load(params: &LoadParams) -> Result<(), RpcError> {
    if params.threads == 0 { Err(refuse("threads is 0: must be at least 1".into())) } else { Ok(()) }
}

pub(super) fn generate(params: &GenerateParams) -> Result<(), RpcError> {
    let GenerateParams { params, output, .. } = params;
    check_params(params)?;
    let path = Path::new(output);
    if path.symlink_metadata().is_ok() {
        return Err(refuse(format!("output {output:?} already exists")));
    }
    if path.file_name().is_none() || !path.parent().is_some_and(Path::is_dir) {
        return Err(refuse(format!("output {output:?} is not in a folder that exists")));
    }
    Ok(())
}

fn check_params(params: &Params) -> Result<(), RpcError> {
    let Params { steps, guidance, frames, width, height, fps } = *params;
    for (name, value) in [("steps", steps), ("frames", frames), ("width", width), ("height", height)] {
        if value == 0 {
            return Err(refuse(format!("params.{name} is 0: must be at least 1")));
        }
    }
    if !guidance.is_finite() || guidance < 0.0 {
        return Err(refuse(format!("params.guidance is {guidance}: must be 0 or more")));
    }
    if !fps.is_finite() || fps <= 0.0 {
        return Err(refuse(format!("params.fps is {fps}: must be more than 0")));
    }
    Ok(())
}

fn refuse(message: String) -> RpcError {
    RpcError::new(ErrorKind::InvalidRequest, message)
}

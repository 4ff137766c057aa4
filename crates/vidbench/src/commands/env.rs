//! `vidbench env`: Python environments for models of diffusers.

use anyhow::Result;
use vidbench::{PythonEnv, PythonEnvError, create_env, envs_root, list_envs, remove_env};

use super::{columns, json};
use crate::OK;
use crate::cli::EnvCommand;
use crate::ui::Ui;

pub(crate) fn env(command: &EnvCommand, ui: Ui) -> Result<u8> {
    let root = envs_root()?;
    match command {
        EnvCommand::Create(args) => {
            let env = create_env(&root, &args.name, args.python.as_deref(), &args.with)?;
            ui.data(&columns(&rows([Ok(env)])))?;
        }
        EnvCommand::List(args) => {
            let envs = list_envs(&root)?;
            let finished: Vec<&PythonEnv> = envs.iter().flatten().collect();
            let text = if args.json { json(&finished)? } else { columns(&rows(envs)) };
            ui.data(&text)?;
        }
        EnvCommand::Rm(args) => remove_env(&root, &args.name)?,
    }
    Ok(OK)
}

fn rows(envs: impl IntoIterator<Item = Result<PythonEnv, PythonEnvError>>) -> Vec<Vec<String>> {
    let mut rows = vec![["environment", "python", "diffusers", "torch", "added"].map(str::to_owned).to_vec()];
    rows.extend(envs.into_iter().map(|env| match env {
        Ok(env) => vec![env.name, env.python, env.diffusers, env.torch, env.extra.join(" ")],
        Err(error) => vec![error.to_string()],
    }));
    rows
}

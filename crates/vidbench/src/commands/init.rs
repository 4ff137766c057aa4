//! `vidbench init`: writes a commented suite to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use anyhow::{Context as _, Result};
use vidbench::SUITE_TEMPLATE;

use super::UserError;
use crate::OK;
use crate::cli::InitArgs;
use crate::ui::Ui;

pub(crate) fn init(args: &InitArgs, ui: Ui) -> Result<u8> {
    if args.stdout {
        ui.data(SUITE_TEMPLATE)?;
        return Ok(OK);
    }
    let file = args.file.display();
    match OpenOptions::new().write(true).create_new(true).open(&args.file) {
        Ok(mut created) => {
            created.write_all(SUITE_TEMPLATE.as_bytes()).with_context(|| format!("cannot write {file}"))?;
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(UserError::new(
                format!("{file} already exists"),
                "name another file: `vidbench init FILE`",
            )
            .into());
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {file}")),
    }
    ui.say(&format!("wrote {file}\nnext: `vidbench run {file} --dry-run`"));
    Ok(OK)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_is_a_sound_suite() {
        let prepared =
            vidbench::prepare(vidbench::SUITE_TEMPLATE, std::path::Path::new("suite.toml")).unwrap();
        assert_eq!(prepared.plan.samples.len(), 8 * 2 * 2);
    }
}

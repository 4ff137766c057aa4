//! Lines that replace the previous ones on a terminal, and are appended elsewhere.

use std::io::{self, IsTerminal as _};

use anyhow::Result;

use super::{Ui, visible};

/// A small text on stdout that is redrawn repeatedly.
pub(crate) struct LiveView {
    ui: Ui,
    live: bool,
    /// How many of its lines are on the screen.
    drawn: usize,
}

impl LiveView {
    /// Draws in place only if that is wanted and stdout is a terminal.
    pub(crate) fn new(ui: Ui, wanted: bool) -> Self {
        Self { ui, live: wanted && io::stdout().is_terminal(), drawn: 0 }
    }

    /// Whether it is drawn in place.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Writes one more line.
    pub(crate) fn line(&mut self, line: &str) -> Result<()> {
        self.ui.data(&format!("{}\n", visible(line)))
    }

    /// Draws lines over the previous ones. Lines wider than the terminal are cut, because they would wrap and make the
    /// number of lines wrong.
    pub(crate) fn replace(&mut self, lines: &[String]) -> Result<()> {
        let width = terminal_size::terminal_size().map_or(120, |(width, _)| usize::from(width.0));
        let up = if self.drawn > 0 { format!("\x1b[{}A", self.drawn) } else { String::new() };
        let cut =
            |line: &String| visible(line).chars().take(width.saturating_sub(1)).collect::<String>() + "\n";
        let text: String = lines.iter().map(cut).collect();
        self.drawn = lines.len();
        self.ui.data(&format!("{up}\x1b[J{text}"))
    }
}

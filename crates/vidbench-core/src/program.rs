//! A program used as a model: what engine `command` runs for each sample.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nearest;

/// The names that may stand in `{}` in a [`Program`].
pub const PLACEHOLDERS: [&str; 14] = [
    "prompt", "negative", "seed", "steps", "guidance", "frames", "width", "height", "fps", "output",
    "scratch", "model", "sample", "threads",
];

/// The roles of files that a video is made from, as prompts name them and as placeholders of a [`Program`].
pub const INPUTS: [&str; 6] =
    ["image", "last_image", "video", "control_video", "mask_video", "reference_images"];

/// Programs that execute an argument as code. Names that begin like these count too, such as `python3.11`.
const INTERPRETERS: [&str; 10] =
    ["sh", "bash", "dash", "zsh", "ksh", "fish", "python", "perl", "ruby", "node"];

/// Programs, matched by their whole names, that pass the argument after `-c` to a shell or interpret it themselves.
const TAKE_COMMANDS: [&str; 4] = ["su", "flock", "script", "pwsh"];

/// Programs that execute their first argument that is not a flag.
const READ_FIRST: [&str; 4] = ["awk", "gawk", "mawk", "nawk"];

/// Variables whose value a shell or interpreter runs, or takes as the name of a script to run.
const READ_AS_CODE: [&str; 3] = ["BASH_ENV", "ENV", "PYTHONSTARTUP"];

/// A program that writes one video and exits. Arguments are passed as they are; no shell is involved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The program and its arguments. `{prompt}`, `{negative}`, `{seed}`, `{steps}`, `{guidance}`, `{frames}`, `{width}`, `{height}`, `{fps}`,
    /// `{threads}`, `{model}`, `{sample}`, `{output}` (the file to write), `{scratch}` (an empty folder for this sample) and the prompt's files (`{image}`,
    /// `{last_image}`, `{video}`, `{control_video}`, `{mask_video}`, `{reference_images}`) are replaced; `{{` is a literal brace.
    #[schemars(length(min = 1, max = 1000))]
    pub argv: Vec<String>,
    /// Extra environment variables; values may contain placeholders.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Working directory; default is the one vidbench was started in.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4096))]
    pub cwd: Option<String>,
    /// Where its video is after it exits, with `*` and `**` for unknown names, such as `{scratch}/**/*.mp4`.
    /// Default `{output}`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4096))]
    pub output: Option<String>,
    /// Seconds after which it is stopped with everything it started; `limits.sample_timeout_secs` also applies.
    #[serde(default)]
    #[schemars(range(min = 1, max = 86_400))]
    pub timeout_secs: Option<u32>,
    /// Regular expression for progress, matched against each line it writes; the groups `index` and `total` are the progress.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1000))]
    pub progress: Option<String>,
}

/// A literal or a placeholder within a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

/// Replaces a text's placeholders with values.
///
/// # Errors
/// An unknown placeholder, or a brace that is not closed.
pub fn filled(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    pieces(template)?.into_iter().try_fold(String::new(), |text, piece| match piece {
        Piece::Text(piece) => Ok(text + piece),
        Piece::Placeholder(name) => value(name).map(|value| text + &value).ok_or_else(|| unknown(name)),
    })
}

fn placeholders() -> impl Iterator<Item = &'static str> {
    PLACEHOLDERS.into_iter().chain(INPUTS)
}

fn unknown(name: &str) -> String {
    let near = nearest(name, placeholders()).map(|near| format!("; did you mean {{{near}}}?"));
    let words: Vec<String> = placeholders().map(|name| format!("{{{name}}}")).collect();
    let known = || format!("; known: {}", words.join(" "));
    format!("unknown placeholder {{{name}}}{}", near.unwrap_or_else(known))
}

fn pieces(template: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        found.push(Piece::Text(&rest[..at]));
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if let Some(escaped) = after.strip_prefix(brace) {
            found.push(Piece::Text(brace));
            rest = escaped;
        } else if let (Some(end), "{") = (after.find('}'), brace) {
            found.push(Piece::Placeholder(&after[..end]));
            rest = &after[end + 1..];
        } else {
            return Err(format!("unmatched brace in {template:?}; write a literal brace twice"));
        }
    }
    found.push(Piece::Text(rest));
    Ok(found)
}

impl Program {
    /// The text that represents the program in a [`crate::SampleId`]. Its time limit and the way it reports progress
    /// are not part of it.
    pub(crate) fn digest_input(&self) -> String {
        let Self { argv, env, cwd, output, timeout_secs: _, progress: _ } = self;
        format!("{argv:?} {env:?} {cwd:?} {output:?}")
    }

    /// What is wrong with it, in words.
    pub fn problems(&self) -> Vec<String> {
        let texts = self.argv.iter().chain(self.env.values()).chain(&self.output);
        let mut problems: Vec<String> = texts.filter_map(|text| check(text).err()).collect();
        let code =
            self.script().into_iter().chain(READ_AS_CODE.iter().filter_map(|name| self.env.get(*name)));
        problems.extend(code.filter(|text| holds_prompt(text)).map(|text| {
            format!(
                "a prompt within a script could run anything: {text:?}; pass it as an argument, as in \
                 [\"sh\", \"-c\", \"make-video \\\"$1\\\"\", \"sh\", \"{{prompt}}\"]"
            )
        }));
        if self.argv.first().is_some_and(|program| holds_prompt(program)) {
            problems.push("a prompt must not be the program or part of its name".into());
        }
        if self.output.as_deref().is_some_and(holds_prompt) {
            problems.push(
                "`output` must not contain a prompt, which would become a path: let the program write into {scratch}"
                    .into(),
            );
        }
        if self.output.is_none() && !self.is_told("output") {
            problems.push(
                "the program does not know where to write: pass {output} to it, or set `output` to where its video is"
                    .into(),
            );
        }
        problems
    }

    /// Whether an argument or a variable of the program uses that placeholder.
    pub fn is_told(&self, name: &str) -> bool {
        self.argv.iter().chain(self.env.values()).any(|text| uses(text, name))
    }

    /// The argument that an interpreter executes as code: the first one after `-c` or `-e` that is not a flag.
    fn script(&self) -> Option<&String> {
        let name = |argument: &String| argument.rsplit('/').next().unwrap_or_default().to_owned();
        let is_interpreter = |argument: &String| {
            let name = name(argument);
            INTERPRETERS.iter().any(|known| name.starts_with(known)) || TAKE_COMMANDS.contains(&name.as_str())
        };
        let is_flag = |argument: &&String| argument.starts_with('-');
        let takes_code = |argument: &String| {
            argument.strip_prefix('-').is_some_and(|flags| {
                flags.starts_with("-eval") || !flags.starts_with('-') && flags.contains(['c', 'e'])
            })
        };
        // `env -S` splits a string into a command, and ssh sends its arguments to a shell on another machine: there,
        // any argument is code.
        let splits = |argument: &String| argument.starts_with("-S") || argument.starts_with("--split-string");
        let is_split =
            self.argv.iter().any(splits) || self.argv.first().is_some_and(|first| name(first) == "ssh");
        if is_split {
            return self.argv.iter().find(|argument| holds_prompt(argument));
        }
        let reads_first = |argument: &String| READ_FIRST.contains(&name(argument).as_str());
        if let Some(at) = self.argv.iter().position(reads_first) {
            return self.argv[at + 1..].iter().find(|argument| !is_flag(argument));
        }
        self.argv.iter().any(is_interpreter).then_some(())?;
        // Covers `-c CODE`, and `-cCODE` in one argument.
        let at = self.argv.iter().position(takes_code)?;
        let joined = Some(&self.argv[at]).filter(|argument| holds_prompt(argument));
        joined.or_else(|| self.argv[at + 1..].iter().find(|argument| !is_flag(argument)))
    }
}

fn uses(text: &str, name: &str) -> bool {
    pieces(text).is_ok_and(|pieces| pieces.contains(&Piece::Placeholder(name)))
}

fn check(text: &str) -> Result<(), String> {
    filled(text, |name| placeholders().any(|known| known == name).then(String::new)).map(|_| ())
}

/// Whether the text uses something that a file of prompts supplies, including names of files.
fn holds_prompt(text: &str) -> bool {
    ["prompt", "negative"].iter().chain(&INPUTS).any(|name| uses(text, name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn program(argv: &[&str]) -> Program {
        let argv = argv.iter().map(|&argument| argument.to_owned()).collect();
        Program { argv, env: BTreeMap::new(), cwd: None, output: None, timeout_secs: None, progress: None }
    }

    fn fill(template: &str) -> Result<String, String> {
        filled(template, |name| (name == "prompt").then(|| "a {seed} boat".into()))
    }

    #[test]
    fn placeholders_are_replaced_once_and_braces_can_be_written() {
        assert_eq!(fill("--prompt={prompt}"), Ok("--prompt=a {seed} boat".into()));
        assert_eq!(fill("{{\"a\": 1}}"), Ok("{\"a\": 1}".into()));
        assert_eq!(fill("{promt}"), Err("unknown placeholder {promt}; did you mean {prompt}?".into()));
        assert!(fill("{prompt").unwrap_err().contains("unmatched brace"));
        assert!(fill("prompt}").unwrap_err().contains("unmatched brace"));
    }

    #[test]
    fn a_prompt_is_no_part_of_a_script() {
        let script = program(&["/bin/bash", "-ec", "run '{prompt}' {output}"]);
        assert!(script.problems()[0].contains("could run anything"), "{:?}", script.problems());
        let argument = program(&["bash", "-c", "run \"$1\" \"$2\"", "bash", "{prompt}", "{output}"]);
        assert_eq!(argument.problems(), Vec::<String>::new());
    }

    #[test]
    fn no_spelling_of_a_shell_hides_a_script() {
        for argv in [
            ["env", "bash", "-c", "make {prompt} {output}"].as_slice(),
            &["bash", "--norc", "-c", "make {prompt} {output}"],
            &["bash", "-c", "-e", "make {prompt} {output}"],
            &["python3", "-c", "print('{prompt}', '{output}')"],
            &["/usr/bin/perl", "-e", "{negative} {output}"],
            &["sh", "-c", "animate {image} {output}"],
            &["python3", "-cprint('{prompt}', '{output}')"],
            &["node", "--eval=make('{prompt}', '{output}')"],
            &["env", "-S", "sh -c 'make {prompt} {output}'"],
            &["ssh", "host", "make '{prompt}' {output}"],
            &["su", "-c", "make '{prompt}' {output}", "someone"],
            &["flock", "/tmp/lock", "-c", "make '{prompt}' {output}"],
            &["pwsh", "-NoProfile", "-Command", "make '{prompt}' {output}"],
            &["awk", "BEGIN {{ system(\"make {prompt} {output}\") }}"],
            &["{prompt}", "{output}"],
        ] {
            assert_eq!(program(argv).problems().len(), 1, "{argv:?}");
        }
        for argv in [
            ["python3", "generate.py", "-p", "{prompt}", "-o", "{output}"].as_slice(),
            &["awk", "-f", "make.awk", "{prompt}", "{output}"],
            &["surf", "-c", "{prompt}", "{output}"],
        ] {
            assert_eq!(program(argv).problems(), Vec::<String>::new(), "{argv:?}");
        }
        let path = Program { output: Some("{scratch}/{prompt}.mp4".into()), ..program(&["run"]) };
        assert!(path.problems()[0].contains("must not contain a prompt"), "{:?}", path.problems());
        assert!(!program(&["run", "{{output}}"]).is_told("output"));
    }

    #[test]
    fn a_program_must_know_where_its_video_goes() {
        assert!(program(&["run", "{prompt}"]).problems()[0].contains("where to write"));
        let found = Program { output: Some("{scratch}/*.mp4".into()), ..program(&["run", "{prompt}"]) };
        assert_eq!(found.problems(), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn any_text_survives_escaping(text in ".{0,40}") {
            let escaped = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(fill(&escaped), Ok(text));
        }
    }
}

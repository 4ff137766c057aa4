//! Runs a program that should answer at once, and gives up on one that hangs.

use std::io;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often to check whether the program has ended.
const LOOK: Duration = Duration::from_millis(1);

/// The output of a program that ends by itself within `patience`; a program that does not is killed. The output must
/// fit into a pipe (64 KiB), because nothing reads it before the program has ended.
///
/// # Errors
/// The program cannot be started, or has not ended in time.
pub fn output_within(command: &mut Command, patience: Duration) -> io::Result<Output> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            let why = format!("no answer within {} s", patience.as_secs_f64());
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        thread::sleep(LOOK);
    }
    child.wait_with_output()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_heard_and_silence_is_not_waited_for() {
        let mut tells = Command::new("sh");
        let told =
            output_within(tells.args(["-c", "echo this; echo that >&2; exit 3"]), Duration::MAX).unwrap();
        assert_eq!((told.stdout.as_slice(), told.stderr.as_slice()), (&b"this\n"[..], &b"that\n"[..]));
        assert_eq!(told.status.code(), Some(3));
        // The process is stopped, as by a debugger: no signal that can be caught would end it.
        let mut stops = Command::new("sh");
        let silent = output_within(stops.args(["-c", "kill -STOP $$"]), Duration::from_millis(200));
        let error = silent.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "no answer within 0.2 s");
        let missing = output_within(&mut Command::new("no-such-program"), Duration::MAX).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}

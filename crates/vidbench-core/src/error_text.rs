//! An error as one line of text.

use std::error::Error;

/// The error and its causes, a cause that the text already tells left out.
pub fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string);
    causes.fold(error.to_string(), |text, cause| match text.contains(&cause) {
        true => text,
        false => format!("{text}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use std::{fmt, io};

    use super::*;

    #[derive(Debug)]
    struct Outer(&'static str, io::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.1)
        }
    }

    #[test]
    fn each_cause_is_told_once() {
        let cause = || io::Error::other("disk full");
        assert_eq!(with_causes(&Outer("cannot write a.mp4", cause())), "cannot write a.mp4: disk full");
        assert_eq!(with_causes(&Outer("a.mp4: disk full", cause())), "a.mp4: disk full");
    }
}

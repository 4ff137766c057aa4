//! The prompt grammar: five attributes, one sentence form, no guessing.
//!
//! ```
//! use vidbench_shapes::{Shape, parse_prompt};
//!
//! let attributes = parse_prompt("a large red circle moving left on a navy background").unwrap();
//! assert_eq!(attributes.shape, Shape::Circle);
//! assert_eq!(attributes.prompt(), "a large red circle moving left on a navy background");
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// The sentence form that [`parse_prompt`] understands.
pub const GRAMMAR: &str = "\
a SIZE COLOR SHAPE moving MOTION on a BACKGROUND background
  SIZE        small | large
  COLOR       red | green | blue | yellow | white | magenta
  SHAPE       circle | square | triangle
  MOTION      left | right | up | down
  BACKGROUND  black | gray | navy | brown";

/// One value of an attribute: a closed vocabulary in a fixed order.
pub trait Vocabulary: Copy + Eq + fmt::Debug + 'static {
    /// What the attribute is called in errors and reports.
    const ATTRIBUTE: &'static str;
    /// Every value; the position of a value is its index in model inputs.
    const ALL: &'static [Self];

    /// The word that stands for this value in a prompt.
    fn word(self) -> &'static str;

    /// Position in [`Vocabulary::ALL`].
    fn index(self) -> usize;

    /// The value at a position, if the vocabulary has one there.
    fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $attribute:literal, $($value:ident = $word:literal),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $(#[doc = concat!("The word `", $word, "`.")] $value),+
        }

        impl Vocabulary for $name {
            const ATTRIBUTE: &'static str = $attribute;
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word),+
                }
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

vocabulary!(
    /// How large the shape is; shapes of one size have about the same area.
    Size, "size", Small = "small", Large = "large"
);
vocabulary!(
    /// Colour of the shape.
    Color, "color", Red = "red", Green = "green", Blue = "blue", Yellow = "yellow",
    White = "white", Magenta = "magenta"
);
vocabulary!(
    /// Outline of the shape.
    Shape, "shape", Circle = "circle", Square = "square", Triangle = "triangle"
);
vocabulary!(
    /// Direction of a straight path at constant speed.
    Motion, "motion", Left = "left", Right = "right", Up = "up", Down = "down"
);
vocabulary!(
    /// Uniform colour behind the shape.
    Background, "background", Black = "black", Gray = "gray", Navy = "navy", Brown = "brown"
);

/// What a prompt of the domain says, and what a clip of the domain shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attributes {
    /// How large the shape is.
    pub size: Size,
    /// Colour of the shape.
    pub color: Color,
    /// Outline of the shape.
    pub shape: Shape,
    /// Direction of the motion.
    pub motion: Motion,
    /// Colour behind the shape.
    pub background: Background,
}

impl Attributes {
    /// Values per attribute, in the order of [`Attributes::indices`].
    pub const CARDINALITIES: [usize; 5] = [2, 6, 3, 4, 4];
    /// Names of the attributes, in the order of [`Attributes::indices`].
    pub const NAMES: [&'static str; 5] = ["size", "color", "shape", "motion", "background"];

    /// The canonical prompt; [`parse_prompt`] gives the attributes back.
    pub fn prompt(&self) -> String {
        format!(
            "a {} {} {} moving {} on a {} background",
            self.size.word(),
            self.color.word(),
            self.shape.word(),
            self.motion.word(),
            self.background.word()
        )
    }

    /// Index of each value: size, colour, shape, motion, background.
    pub fn indices(&self) -> [usize; 5] {
        [
            self.size.index(),
            self.color.index(),
            self.shape.index(),
            self.motion.index(),
            self.background.index(),
        ]
    }

    /// Inverse of [`Attributes::indices`]; none if an index is out of range.
    pub fn from_indices(indices: [usize; 5]) -> Option<Self> {
        Some(Self {
            size: Size::from_index(indices[0])?,
            color: Color::from_index(indices[1])?,
            shape: Shape::from_index(indices[2])?,
            motion: Motion::from_index(indices[3])?,
            background: Background::from_index(indices[4])?,
        })
    }

    /// Every combination, in index order, the background varying fastest.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::CARDINALITIES.iter().product()).filter_map(|rank| {
            let mut rest: usize = rank;
            let mut indices = [0; 5];
            for (index, n) in indices.iter_mut().zip(Self::CARDINALITIES).rev() {
                *index = rest % n;
                rest /= n;
            }
            Self::from_indices(indices)
        })
    }

    /// Whether the embedded model is never trained on this combination.
    ///
    /// The rule takes about a tenth of the combinations and leaves every pair of values in the training set.
    pub fn is_held_out(&self) -> bool {
        const WEIGHTS: [usize; 5] = [5, 1, 3, 2, 7];
        self.indices().iter().zip(WEIGHTS).map(|(i, w)| i * w).sum::<usize>() % 10 == 4
    }
}

/// Why a prompt is outside the grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrammarError {
    /// A word stands where the grammar wants another.
    #[error("{wanted} not understood: {found:?}")]
    UnknownWord {
        /// Attribute, or the literal word of the grammar.
        wanted: String,
        /// The word found, in lower case.
        found: String,
        /// The word of the vocabulary nearest to it, if one is near.
        nearest: Option<&'static str>,
    },
    /// The prompt ends too early.
    #[error("prompt ends where {wanted} is expected")]
    MissingWord {
        /// Attribute, or the literal word of the grammar.
        wanted: String,
    },
    /// Words are left after the sentence.
    #[error("prompt continues after its end: {found:?}")]
    TrailingWord {
        /// The first word too many.
        found: String,
    },
}

impl GrammarError {
    /// What to do about it, ending with the grammar itself.
    pub fn hints(&self) -> Vec<String> {
        let nearest = match self {
            Self::UnknownWord { nearest, .. } => *nearest,
            Self::MissingWord { .. } | Self::TrailingWord { .. } => None,
        };
        let suggestion = nearest.map(|word| format!("did you mean {word:?}?"));
        suggestion.into_iter().chain([format!("the grammar is:\n{GRAMMAR}")]).collect()
    }
}

/// Reads a prompt, ignoring case, surplus white space and one final full stop.
pub fn parse_prompt(prompt: &str) -> Result<Attributes, GrammarError> {
    let lower = prompt.trim().to_lowercase();
    let mut words = lower.strip_suffix('.').unwrap_or(&lower).split_whitespace();
    literal(&mut words, "a")?;
    let size = value(&mut words)?;
    let color = value(&mut words)?;
    let shape = value(&mut words)?;
    literal(&mut words, "moving")?;
    let motion = value(&mut words)?;
    literal(&mut words, "on")?;
    literal(&mut words, "a")?;
    let background = value(&mut words)?;
    literal(&mut words, "background")?;
    match words.next() {
        Some(word) => Err(GrammarError::TrailingWord { found: word.to_owned() }),
        None => Ok(Attributes { size, color, shape, motion, background }),
    }
}

fn literal<'a>(words: &mut impl Iterator<Item = &'a str>, wanted: &'static str) -> Result<(), GrammarError> {
    let wanted_text = || format!("{wanted:?}");
    match words.next() {
        Some(word) if word == wanted => Ok(()),
        Some(word) => Err(GrammarError::UnknownWord {
            wanted: wanted_text(),
            found: word.to_owned(),
            nearest: nearest(word, [wanted]),
        }),
        None => Err(GrammarError::MissingWord { wanted: wanted_text() }),
    }
}

fn value<'a, V: Vocabulary>(words: &mut impl Iterator<Item = &'a str>) -> Result<V, GrammarError> {
    let wanted = V::ATTRIBUTE.to_owned();
    let Some(word) = words.next() else {
        return Err(GrammarError::MissingWord { wanted });
    };
    V::ALL.iter().copied().find(|v| v.word() == word).ok_or_else(|| GrammarError::UnknownWord {
        wanted,
        found: word.to_owned(),
        nearest: nearest(word, V::ALL.iter().map(|v| v.word())),
    })
}

/// The candidate most like `word`, if it is more like than unlike.
fn nearest(word: &str, candidates: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_canonical_prompt_parses_back() {
        assert_eq!(Attributes::all().count(), 576);
        for attributes in Attributes::all() {
            assert_eq!(parse_prompt(&attributes.prompt()), Ok(attributes));
            assert_eq!(Attributes::from_indices(attributes.indices()), Some(attributes));
        }
    }

    #[test]
    fn cardinalities_and_names_follow_the_vocabularies() {
        fn of<V: Vocabulary>() -> (&'static str, usize) {
            assert!(V::ALL.iter().enumerate().all(|(i, v)| v.index() == i));
            (V::ATTRIBUTE, V::ALL.len())
        }
        let vocabularies = [of::<Size>(), of::<Color>(), of::<Shape>(), of::<Motion>(), of::<Background>()];
        assert_eq!(vocabularies.map(|v| v.0), Attributes::NAMES);
        assert_eq!(vocabularies.map(|v| v.1), Attributes::CARDINALITIES);
    }

    #[test]
    fn grammar_text_lists_every_word() {
        for attributes in Attributes::all() {
            for word in attributes.prompt().split(' ') {
                assert!(GRAMMAR.split_whitespace().any(|w| w == word), "{word}");
            }
        }
    }

    #[test]
    fn case_and_white_space_do_not_matter() {
        let attributes = parse_prompt("  A Large RED\tcircle  moving\nleft on a navy background. ").unwrap();
        assert_eq!(attributes.prompt(), "a large red circle moving left on a navy background");
    }

    #[test]
    fn unknown_word_is_named_with_its_nearest_match() {
        let error = parse_prompt("a large red circel moving left on a navy background").unwrap_err();
        assert_eq!(error.to_string(), "shape not understood: \"circel\"");
        assert_eq!(error.hints()[0], "did you mean \"circle\"?");
        assert!(error.hints()[1].contains(GRAMMAR));
    }

    #[test]
    fn sentences_outside_the_grammar_are_refused() {
        let cases = [
            ("", "prompt ends where \"a\" is expected"),
            ("a large", "prompt ends where color is expected"),
            ("a cat on a sofa", "size not understood: \"cat\""),
            (
                "a large red circle moving left on a navy background today",
                "prompt continues after its end: \"today\"",
            ),
        ];
        for (prompt, message) in cases {
            assert_eq!(parse_prompt(prompt).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn held_out_combinations_leave_every_pair_of_values_in_training() {
        let held_out = Attributes::all().filter(Attributes::is_held_out).count();
        assert!((50..=66).contains(&held_out), "{held_out}");
        let pairs = |held: bool| -> HashSet<(usize, usize, usize, usize)> {
            Attributes::all()
                .filter(|a| a.is_held_out() == held)
                .flat_map(|a| {
                    let i = a.indices();
                    (0..5).flat_map(move |p| (0..5).map(move |q| (p, i[p], q, i[q])))
                })
                .collect()
        };
        let all: HashSet<_> = pairs(false).union(&pairs(true)).copied().collect();
        assert_eq!(pairs(false), all);
        let values = |held| pairs(held).into_iter().filter(|p| p.0 == p.2).count();
        assert_eq!(values(true), 2 + 6 + 3 + 4 + 4);
    }
}

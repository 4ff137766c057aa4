//! The header of NumPy's `.npy` files.
//!
//! It is parsed here rather than by a crate, because the available crates allocate as much as its stated length claims,
//! multiply the shape without a check and recurse into its brackets.

/// Longest header that is read; NumPy itself stops there.
const MAX_HEADER: usize = 10_000;

/// Most bytes up to the end of a header, whatever its version.
pub const MAX_BEFORE_DATA: usize = MAX_HEADER + 12;

/// Parses a header, and returns it with the place where the data begins. `bytes` are the first bytes of a file: all, or
/// [`MAX_BEFORE_DATA`].
///
/// # Errors
///
/// What is wrong with it.
pub fn header(bytes: &[u8]) -> Result<(Header, usize), String> {
    let (text, data) = header_text(bytes)?;
    Ok((Header::parse(text)?, data))
}

/// Type of the elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Descr {
    /// One of NumPy's own types, such as `<f4`.
    Plain(String),
    /// A structured type, of several fields.
    Structure,
}

/// The three entries of a header, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Type of the elements.
    pub descr: Descr,
    /// Whether the first axis varies fastest, not the last.
    pub fortran: bool,
    /// Extent of each axis.
    pub shape: Vec<u64>,
}

impl Header {
    fn parse(text: &str) -> Result<Self, String> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        let mut cursor = Cursor { rest: text };
        cursor.expect("{")?;
        while !cursor.eat("}") {
            let key = cursor.string()?;
            cursor.expect(":")?;
            match key {
                "descr" => descr = Some(cursor.descr()?),
                "fortran_order" => fortran = Some(cursor.boolean()?),
                "shape" => shape = Some(cursor.shape()?),
                other => return Err(format!("the header has an unknown key {other:?}")),
            }
            if !cursor.eat(",") {
                cursor.expect("}")?;
                break;
            }
        }
        let missing = |key| format!("the header has no {key}");
        Ok(Self {
            descr: descr.ok_or_else(|| missing("descr"))?,
            fortran: fortran.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }
}

fn header_text(bytes: &[u8]) -> Result<(&str, usize), String> {
    let Some(([b'\x93', b'N', b'U', b'M', b'P', b'Y', major, minor], rest)) = bytes.split_first_chunk()
    else {
        return Err("it does not begin with NumPy's magic string".into());
    };
    let (length, begin) = match (major, minor) {
        (1, 0) => (rest.first_chunk().map(|length| u32::from(u16::from_le_bytes(*length))), 10),
        (2 | 3, 0) => (rest.first_chunk().map(|length| u32::from_le_bytes(*length)), 12),
        _ => return Err(format!("version {major}.{minor} is unknown, 1.0 to 3.0 are supported")),
    };
    let length = length.ok_or("the file ends before the length of its header")? as usize;
    if length > MAX_HEADER {
        return Err(format!("a header of {length} bytes, the limit is {MAX_HEADER}"));
    }
    let text = bytes.get(begin..begin + length).ok_or("the file ends within its header")?;
    let text = str::from_utf8(text).map_err(|_| "the header is not UTF-8 text")?;
    Ok((text, begin + length))
}

/// The part of a header that is still to be parsed.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn eat(&mut self, token: &str) -> bool {
        let after = self.rest.trim_start().strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) { Ok(()) } else { Err(self.unexpected(token)) }
    }

    fn unexpected(&self, wanted: &str) -> String {
        let found: String = self.rest.trim_start().chars().take(20).collect();
        format!("the header has {found:?} where {wanted} is expected")
    }

    /// A string in single or double quotes; the headers that are read contain no escapes.
    fn string(&mut self) -> Result<&'a str, String> {
        let text = self.rest.trim_start();
        let quote = text.chars().next().filter(|quote| ['\'', '"'].contains(quote));
        let found = quote.and_then(|quote| text.get(1..)?.split_once(quote));
        let (found, rest) = found.ok_or_else(|| self.unexpected("a string"))?;
        self.rest = rest;
        Ok(found)
    }

    fn boolean(&mut self) -> Result<bool, String> {
        if self.eat("True") {
            return Ok(true);
        }
        self.expect("False").map(|()| false).map_err(|_| self.unexpected("True or False"))
    }

    /// A structured type is a list; its contents do not matter and are skipped up to its last bracket.
    fn descr(&mut self) -> Result<Descr, String> {
        if !self.eat("[") {
            return self.string().map(|text| Descr::Plain(text.to_owned()));
        }
        self.rest = self.rest.rsplit_once(']').ok_or_else(|| self.unexpected("]"))?.1;
        // NumPy writes the keys in alphabetical order, so the other two keys come after this one.
        Ok(Descr::Structure)
    }

    fn shape(&mut self) -> Result<Vec<u64>, String> {
        let mut shape = Vec::new();
        self.expect("(")?;
        while !self.eat(")") {
            shape.push(self.integer()?);
            if !self.eat(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(shape)
    }

    /// Python 2 wrote an L after long integers.
    fn integer(&mut self) -> Result<u64, String> {
        let text = self.rest.trim_start();
        let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let number = digits.parse().map_err(|_| self.unexpected("a length"))?;
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_any_order_and_spacing_are_read() {
        let expected = Header { descr: Descr::Plain("<f4".into()), fortran: false, shape: vec![3, 4] };
        for text in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }        \n",
            "{'shape':(3,4,),'fortran_order':False,'descr':\"<f4\"}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L), }",
        ] {
            assert_eq!(Header::parse(text).as_ref(), Ok(&expected), "{text}");
        }
        let structure =
            "{'descr': [('a', '<f4'), ('b', '<f4', (2,))], 'fortran_order': False, 'shape': (3,), }";
        assert_eq!(Header::parse(structure).unwrap().descr, Descr::Structure);
    }

    #[test]
    fn headers_that_are_none_say_where() {
        let cases = [
            ("", "the header has \"\" where { is expected"),
            ("{'descr': '<f4'}", "the header has no fortran_order"),
            ("{'descr': '<f4', 'code': 1}", "the header has an unknown key \"code\""),
            ("{'shape': (-1, 2)}", "the header has \"-1, 2)}\" where a length is expected"),
            (
                "{'shape': (99999999999999999999,)}",
                "the header has \"99999999999999999999\" where a length is expected",
            ),
            ("{'shape': 3}", "the header has \"3}\" where ( is expected"),
            ("{'fortran_order': 0}", "the header has \"0}\" where True or False is expected"),
            ("{'descr: 1}", "the header has \"'descr: 1}\" where a string is expected"),
            ("{'descr': [", "the header has \"\" where ] is expected"),
        ];
        for (text, expected) in cases {
            assert_eq!(Header::parse(text), Err(expected.into()), "{text}");
        }
    }
}

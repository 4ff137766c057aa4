//! The part of Python's pickle format in which TorchScript archives are written: values and descriptions of tensors.
//!
//! A pickle is a program that may call whatever Python can import. Here a call becomes a node that names the function.
//! Calls that describe a tensor or a list are recognised; any other call ends the reading, and the error names it.
//! Nothing is executed. Opcodes and their operands are those of CPython's `pickletools`.

/// A value of a pickle: its index among all values.
pub(super) type NodeId = usize;

#[derive(Debug)]
pub(super) enum Node {
    /// Booleans, floats and None, which are no part of a tensor's description.
    Plain,
    Int(i64),
    Text(String),
    /// Lists and tuples.
    Sequence(Vec<NodeId>),
    Dict(Vec<(NodeId, NodeId)>),
    /// Module and name, joined by a dot.
    Global(String),
    /// An object of a class that the archive declares, and its attributes.
    Object(Option<NodeId>),
    /// A storage, given by its description.
    Storage(NodeId),
    /// A tensor, given by the arguments from which it is rebuilt.
    Tensor(NodeId),
}

/// A pickle that has been read.
#[derive(Debug)]
pub(super) struct Pickle {
    nodes: Vec<Node>,
    root: NodeId,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum PickleError {
    Damaged(String),
    /// The pickle asks for a call of that name.
    Refused(String),
}

impl Pickle {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, PickleError> {
        let mut machine = Machine { bytes, ..Machine::default() };
        while !machine.step()? {}
        let root = machine.pop()?;
        Ok(Self { nodes: machine.nodes, root })
    }

    pub(super) fn root(&self) -> &Node {
        self.node(self.root)
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id).unwrap_or(&Node::Plain)
    }

    pub(super) fn sequence(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.node(id) {
            Node::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn text(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self, id: NodeId) -> Option<usize> {
        match self.node(id) {
            Node::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }
}

/// Each opcode makes at most one node, so memory grows only with the file.
#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<NodeId>,
    marks: Vec<usize>,
    memo: std::collections::HashMap<u32, NodeId>,
}

impl Machine<'_> {
    /// Carries out one opcode; returns true at the end of the pickle.
    fn step(&mut self) -> Result<bool, PickleError> {
        let [opcode] = self.take()?;
        match opcode {
            b'.' => return Ok(true),
            0x80 => drop(self.take::<1>()?),
            b'(' => self.marks.push(self.stack.len()),
            b'N' | 0x88 | 0x89 => self.push(Node::Plain),
            b'G' => {
                self.take::<8>()?;
                self.push(Node::Plain);
            }
            b'K' => {
                let [byte] = self.take()?;
                self.push(Node::Int(byte.into()));
            }
            b'M' => {
                let number = u16::from_le_bytes(self.take()?);
                self.push(Node::Int(number.into()));
            }
            b'J' => {
                let number = i32::from_le_bytes(self.take()?);
                self.push(Node::Int(number.into()));
            }
            0x8a => self.long()?,
            b'X' => self.text()?,
            b'c' => {
                let name = format!("{}.{}", self.line()?, self.line()?);
                self.push(Node::Global(name));
            }
            b'q' | b'r' => {
                let (key, top) = (self.key(opcode == b'q')?, self.top()?);
                self.memo.insert(key, top);
            }
            b'h' | b'j' => {
                let key = self.key(opcode == b'h')?;
                let known = self.memo.get(&key).copied();
                let id = known.ok_or_else(|| self.damaged("nothing was stored under that number"))?;
                self.stack.push(id);
            }
            b')' | b']' => self.push(Node::Sequence(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(opcode - 0x84))?;
                self.push(Node::Sequence(items));
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Node::Sequence(items));
            }
            b'a' | b'e' => {
                let items = self.pop_items(opcode == b'a', 1)?;
                self.append(&items)?;
            }
            b's' | b'u' => {
                let items = self.pop_items(opcode == b's', 2)?;
                self.set_items(&items)?;
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Node::Storage(id));
            }
            0x81 => self.new_object()?,
            b'b' => self.build()?,
            b'R' => self.reduce()?,
            _ => return Err(self.damaged(&format!("opcode {opcode:#04x} is not allowed in an archive"))),
        }
        Ok(false)
    }

    fn append(&mut self, items: &[NodeId]) -> Result<(), PickleError> {
        let list = self.top()?;
        match self.nodes.get_mut(list) {
            Some(Node::Sequence(list)) => list.extend_from_slice(items),
            _ => return Err(self.damaged("items for something that is not a list")),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[NodeId]) -> Result<(), PickleError> {
        let dict = self.top()?;
        let (pairs, rest) = items.as_chunks::<2>();
        match self.nodes.get_mut(dict) {
            Some(Node::Dict(dict)) if rest.is_empty() => {
                dict.extend(pairs.iter().map(|[key, value]| (*key, *value)));
            }
            _ => return Err(self.damaged("items for something that is not a dictionary")),
        }
        Ok(())
    }

    fn new_object(&mut self) -> Result<(), PickleError> {
        self.pop()?;
        let class = self.pop_global()?;
        if !class.starts_with("__torch__.") {
            return Err(PickleError::Refused(class));
        }
        self.push(Node::Object(None));
        Ok(())
    }

    fn build(&mut self) -> Result<(), PickleError> {
        let (state, object) = (self.pop()?, self.top()?);
        match self.nodes.get_mut(object) {
            Some(Node::Object(attributes)) => *attributes = Some(state),
            _ => return Err(self.damaged("attributes for something that is not an object")),
        }
        Ok(())
    }

    /// Replaces the calls that TorchScript writes by what they stand for, and refuses all others.
    fn reduce(&mut self) -> Result<(), PickleError> {
        let arguments = self.pop()?;
        let call = self.pop_global()?;
        match call.as_str() {
            "torch._utils._rebuild_tensor_v2" => self.push(Node::Tensor(arguments)),
            "collections.OrderedDict" => self.push(Node::Dict(Vec::new())),
            "torch.device" => self.push(Node::Plain),
            "torch._utils._rebuild_parameter"
            | "torch.jit._pickle.build_boollist"
            | "torch.jit._pickle.build_doublelist"
            | "torch.jit._pickle.build_intlist"
            | "torch.jit._pickle.build_tensorlist"
            | "torch.jit._pickle.restore_type_tag" => match self.nodes.get(arguments) {
                Some(Node::Sequence(items)) if !items.is_empty() => self.stack.extend(items.first().copied()),
                _ => return Err(self.damaged("a call without arguments")),
            },
            _ => return Err(PickleError::Refused(call)),
        }
        Ok(())
    }

    fn long(&mut self) -> Result<(), PickleError> {
        let [len] = self.take()?;
        let bytes = self.take_slice(len.into())?;
        // Integers of more than 64 bits cannot be extents of an axis.
        let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
        let mut wide = if negative { [0xff; 8] } else { [0; 8] };
        let node = match wide.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Node::Int(i64::from_le_bytes(wide))
            }
            None => Node::Plain,
        };
        self.push(node);
        Ok(())
    }

    fn text(&mut self) -> Result<(), PickleError> {
        let len = u32::from_le_bytes(self.take()?);
        let bytes = self.take_slice(len as usize)?;
        let text = std::str::from_utf8(bytes).map(str::to_owned);
        let text = text.map_err(|_| self.damaged("text that is not UTF-8"))?;
        self.push(Node::Text(text));
        Ok(())
    }

    fn line(&mut self) -> Result<String, PickleError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = rest.iter().position(|byte| *byte == b'\n');
        let line = self.take_slice(len.ok_or_else(|| self.damaged("an unterminated line"))?)?;
        let line = String::from_utf8_lossy(line).into_owned();
        self.take::<1>()?;
        Ok(line)
    }

    fn key(&mut self, short: bool) -> Result<u32, PickleError> {
        if short {
            let [key] = self.take()?;
            return Ok(key.into());
        }
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let piece = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()).copied();
        self.at += N;
        piece.ok_or_else(|| self.damaged("it ends too early"))
    }

    fn take_slice(&mut self, len: usize) -> Result<&[u8], PickleError> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.damaged("it ends too early"))?;
        let slice = self.bytes.get(self.at..end).unwrap_or_default();
        self.at = end;
        Ok(slice)
    }

    fn push(&mut self, node: Node) {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn top(&self) -> Result<NodeId, PickleError> {
        self.stack.last().copied().ok_or_else(|| self.damaged("a value is missing"))
    }

    fn pop(&mut self) -> Result<NodeId, PickleError> {
        self.stack.pop().ok_or_else(|| self.damaged("a value is missing"))
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<NodeId>, PickleError> {
        let from = self.stack.len().checked_sub(count).ok_or_else(|| self.damaged("a value is missing"))?;
        Ok(self.stack.split_off(from))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<NodeId>, PickleError> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len());
        let mark = mark.ok_or_else(|| self.damaged("a mark is missing"))?;
        Ok(self.stack.split_off(mark))
    }

    fn pop_items(&mut self, one: bool, count: usize) -> Result<Vec<NodeId>, PickleError> {
        if one { self.pop_many(count) } else { self.pop_to_mark() }
    }

    fn pop_global(&mut self) -> Result<String, PickleError> {
        let id = self.pop()?;
        match self.nodes.get(id) {
            Some(Node::Global(name)) => Ok(name.clone()),
            _ => Err(self.damaged("a call of something that is not a function")),
        }
    }

    fn damaged(&self, reason: &str) -> PickleError {
        PickleError::Damaged(format!("{reason}, before byte {} of data.pkl", self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> PickleError {
        Pickle::parse(bytes).unwrap_err()
    }

    #[test]
    fn numbers_texts_and_dictionaries_are_read() {
        let pickle = Pickle::parse(
            b"\x80\x02}(X\x01\0\0\0aK\x07X\x01\0\0\0bJ\xff\xff\xff\xffX\x01\0\0\0c\x8a\x02\x00\x01u.",
        )
        .unwrap();
        let Node::Dict(pairs) = pickle.root() else { panic!("{pickle:?}") };
        let read: Vec<_> =
            pairs.iter().map(|(key, value)| (pickle.text(*key).unwrap(), pickle.count(*value))).collect();
        assert_eq!(read, [("a", Some(7)), ("b", None), ("c", Some(256))]);
    }

    #[test]
    fn calls_are_refused_by_name() {
        let call = PickleError::Refused("posix.system".into());
        assert_eq!(refused(b"\x80\x02cposix\nsystem\nX\x02\0\0\0id\x85R."), call);
        assert_eq!(refused(b"\x80\x02cposix\nsystem\n)\x81."), call);
        let built = PickleError::Refused("builtins.eval".into());
        assert_eq!(refused(b"cbuiltins\neval\n)R."), built);
    }

    #[test]
    fn what_is_no_pickle_says_where_it_ends() {
        let damaged = |bytes: &[u8], said: &str| {
            let PickleError::Damaged(reason) = refused(bytes) else { panic!("{bytes:?}") };
            assert!(reason.starts_with(said), "{reason}");
        };
        damaged(b"", "it ends too early");
        damaged(b".", "a value is missing");
        damaged(b"X\xff\xff\xff\x7fab.", "it ends too early");
        damaged(b"t.", "a mark is missing");
        damaged(b"(0.", "opcode 0x30 is not allowed in an archive, before byte 2");
        damaged(b"h\x01.", "nothing was stored");
        damaged(b"K\x01K\x02a.", "items for something that is not a list");
        damaged(b"}(K\x01u.", "items for something that is not a dictionary");
        damaged(b"K\x01K\x02b.", "attributes for something that is not an object");
        damaged(b"K\x01)R.", "a call of something that is not a function");
        damaged(b"ctorch", "an unterminated line");
    }
}

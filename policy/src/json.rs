//! A pull scanner over the bytes of a JSON body.
//!
//! The body is a client's: it may be megabytes long, nested without end, or hold strings that are not UTF-8.
//! A parser that builds values, recurses, or refuses such strings would copy the body, overflow the stack, or
//! leave a request unrouted that the upstream accepts. So this one only finds out where things are. It checks
//! the grammar, but not the inside of strings.

mod text;

use memchr::memchr2;

pub(crate) use text::Text;

/// The body is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

pub(crate) type Result<T = ()> = std::result::Result<T, Malformed>;

/// A place in a body. Every method first skips whitespace.
#[derive(Clone)]
pub(crate) struct Scanner<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Starts at the first byte, or after a byte order mark: some upstreams accept one.
    pub(crate) fn new(body: &'a [u8]) -> Self {
        let at = if body.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Scanner { body, at }
    }

    /// Starts at byte `at` of `body`.
    pub(crate) fn starting(body: &'a [u8], at: usize) -> Self {
        Scanner { body, at }
    }

    /// The next byte that is not whitespace, which is left in place.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.body.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                _ => return Some(*byte),
            }
        }
        None
    }

    /// Where the scanner is, in bytes from the start of the body.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Fails unless nothing but whitespace is left.
    pub(crate) fn end(&mut self) -> Result {
        if self.peek().is_none() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// Reads an object, calling `member` with each key; it must consume the value.
    pub(crate) fn object(&mut self, mut member: impl FnMut(&mut Self, Text<'a>) -> Result) -> Result {
        self.object_at(|scanner, key, _| member(scanner, key))
    }

    /// Reads an object, calling `member` with each key and the place of its quote; it must consume the value.
    pub(crate) fn object_at(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>, usize) -> Result,
    ) -> Result {
        self.expect(b'{')?;
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            self.peek();
            let start = self.at;
            let key = self.key()?;
            member(self, key, start)?;
            if !self.eat(b',') {
                return self.expect(b'}');
            }
        }
    }

    /// Reads an array, calling `item` at each item; it must consume the item.
    pub(crate) fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result) -> Result {
        self.expect(b'[')?;
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if !self.eat(b',') {
                return self.expect(b']');
            }
        }
    }

    /// Reads a string.
    pub(crate) fn string(&mut self) -> Result<Text<'a>> {
        self.expect(b'"')?;
        let (start, mut escaped) = (self.at, false);
        loop {
            let rest = self.body.get(self.at..).ok_or(Malformed)?;
            self.at += memchr2(b'"', b'\\', rest).ok_or(Malformed)?;
            if self.body.get(self.at) == Some(&b'"') {
                let raw = self.body.get(start..self.at).ok_or(Malformed)?;
                self.at += 1;
                return Ok(Text::new(raw, escaped));
            }
            escaped = true;
            self.at += 2;
        }
    }

    /// Skips one value of any kind and depth. Does not recurse.
    pub(crate) fn skip(&mut self) -> Result {
        let mut open = Vec::new();
        loop {
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    if !self.eat(b'}') {
                        self.key()?;
                        open.push(b'}');
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    if !self.eat(b']') {
                        open.push(b']');
                        continue;
                    }
                }
                Some(b'"') => drop(self.string()?),
                _ => self.scalar()?,
            }
            if !self.next_sibling(&mut open)? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what it ends and steps to the next one. False when nothing is open any more.
    fn next_sibling(&mut self, open: &mut Vec<u8>) -> Result<bool> {
        while let Some(&closer) = open.last() {
            if self.eat(b',') {
                if closer == b'}' {
                    self.key()?;
                }
                return Ok(true);
            }
            self.expect(closer)?;
            open.pop();
        }
        Ok(false)
    }

    fn key(&mut self) -> Result<Text<'a>> {
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }

    /// Skips a number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Result {
        let rest = self.body.get(self.at..).ok_or(Malformed)?;
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
        let length = rest.iter().position(|b| !is_part(b)).unwrap_or(rest.len());
        let word = rest.get(..length).ok_or(Malformed)?;
        if !matches!(word, b"true" | b"false" | b"null") && !is_number(word) {
            return Err(Malformed);
        }
        self.at += length;
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Result {
        if self.eat(byte) { Ok(()) } else { Err(Malformed) }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }
}

fn is_number(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"-").unwrap_or(word);
    let (whole, rest) = digits(word);
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with(b"0")) {
        return false;
    }
    let rest = match rest.strip_prefix(b".") {
        Some(rest) => match digits(rest) {
            ([], _) => return false,
            (_, rest) => rest,
        },
        None => rest,
    };
    let Some(rest) = rest.strip_prefix(b"e").or(rest.strip_prefix(b"E")) else {
        return rest.is_empty();
    };
    let rest = rest
        .strip_prefix(b"+")
        .or(rest.strip_prefix(b"-"))
        .unwrap_or(rest);
    matches!(digits(rest), ([_, ..], []))
}

fn digits(word: &[u8]) -> (&[u8], &[u8]) {
    let length = word.iter().take_while(|b| b.is_ascii_digit()).count();
    word.split_at_checked(length).unwrap_or((word, &[]))
}

#[cfg(test)]
mod tests;

//! Changes to the members of a JSON object, made by splices that leave every other byte as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;

use crate::json::Scanner;
use crate::request::Field;
use crate::{Edit, Request, splice};

/// What is to become of one member. Where its key occurs several times all of them change, since parsers differ
/// on which one counts.
#[derive(Debug, PartialEq)]
enum Change {
    /// The value is replaced; a member that is not there is put first.
    Set(Vec<u8>),
    Remove,
    /// Edits inside of the last value; the earlier ones go.
    Inside(Vec<Edit>),
}

/// A longer value, in bytes, is written once: a client could repeat a key until the body fills the memory. The
/// earlier members of the key go then.
const SHORT: usize = 64;

/// Collects changes to an object, and merges them into edits in order and without overlap.
pub(crate) struct Edits<'r, 'a> {
    /// What the fields' places refer to.
    body: &'a [u8],
    fields: &'r [Field<'a>],
    changes: BTreeMap<String, Change>,
}

impl<'r, 'a> Edits<'r, 'a> {
    /// For the top level of a request's body.
    pub(crate) fn of(request: &'r Request<'a>) -> Self {
        Edits::of_object(request.body(), request.fields())
    }

    /// For the object that starts `body` and has these members.
    pub(crate) fn of_object(body: &'a [u8], fields: &'r [Field<'a>]) -> Self {
        Edits {
            body,
            fields,
            changes: BTreeMap::new(),
        }
    }

    /// Makes `value`, which is JSON, the value of `key`. What was said of the key before is forgotten.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Vec<u8>>) {
        self.changes.insert(key.to_owned(), Change::Set(value.into()));
    }

    /// [`Edits::set`] of a string.
    pub(crate) fn set_text(&mut self, key: &str, text: &str) {
        self.set(key, quoted(text));
    }

    /// Removes `key`. What was said of the key before is forgotten.
    pub(crate) fn remove(&mut self, key: &str) {
        self.changes.insert(key.to_owned(), Change::Remove);
    }

    /// Edits the last value of `key` at places of the body, unless it is set or removed.
    pub(crate) fn inside(&mut self, key: &str, edits: Vec<Edit>) {
        let change = self.changes.entry(key.to_owned());
        if let Change::Inside(known) = change.or_insert_with(|| Change::Inside(Vec::new())) {
            known.extend(edits);
        }
    }

    /// Whether `key` has been given a value.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        matches!(self.changes.get(key), Some(Change::Set(_)))
    }

    /// The edits, in order. One that overlaps with one before it is left out.
    pub(crate) fn finish(mut self) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut removed = vec![false; self.fields.len()];
        let mut found = BTreeSet::new();
        // From the end, so that the last of several values is met first.
        for (field, removed) in self.fields.iter().zip(&mut removed).rev() {
            let key = field.key.decode();
            match self.changes.get_mut(key.as_ref()) {
                None => continue,
                Some(Change::Remove) => *removed = true,
                Some(Change::Set(value)) if self.body.get(field.value.clone()) == Some(value.as_slice()) => {}
                Some(Change::Set(value)) if value.len() > SHORT && found.contains(&key) => *removed = true,
                Some(Change::Set(value)) => edits.push(Edit {
                    range: field.value.clone(),
                    with: value.clone(),
                }),
                Some(Change::Inside(_)) if found.contains(&key) => *removed = true,
                Some(Change::Inside(inside)) => edits.append(inside),
            }
            found.insert(key);
        }
        for key in found {
            self.changes.remove(key.as_ref());
        }
        edits.extend(self.added(removed.iter().all(|removed| *removed)));
        let places: Vec<_> = self.fields.iter().map(|field| field.whole.clone()).collect();
        edits.extend(cut(&places, &removed));
        in_order(edits)
    }

    /// The edit that puts what is not there after the opening brace; `alone` if nothing else stays.
    fn added(&self, alone: bool) -> Option<Edit> {
        let mut with = Vec::new();
        for (key, change) in &self.changes {
            if let Change::Set(value) = change {
                with.extend(quoted(key));
                with.push(b':');
                with.extend(value);
                with.push(b',');
            }
        }
        if alone {
            with.pop();
        }
        let mut scanner = Scanner::new(self.body);
        scanner.peek();
        let start = scanner.position() + 1;
        (!with.is_empty()).then_some(Edit {
            range: start..start,
            with,
        })
    }
}

/// A string as JSON.
pub(crate) fn quoted(text: &str) -> Vec<u8> {
    Value::from(text).to_string().into_bytes()
}

/// A string as JSON, without its quotes.
pub(crate) fn escaped(text: &str) -> Vec<u8> {
    let mut quoted = quoted(text);
    quoted.pop();
    quoted.drain(..quoted.len().min(1));
    quoted
}

/// The members of an object, by their places in `object`; None if it is no object.
pub(crate) fn members(object: &[u8]) -> Option<Vec<Field<'_>>> {
    let (mut scanner, mut fields) = (Scanner::new(object), Vec::new());
    let read = scanner.object_at(|scanner, key, start| {
        scanner.peek();
        let value = scanner.position();
        scanner.skip()?;
        let end = scanner.position();
        fields.push(Field {
            key,
            whole: start..end,
            value: value..end,
        });
        Ok(())
    });
    read.ok().map(|()| fields)
}

/// The places of the items of the array that starts at byte `at` of `body`; None if there is none.
pub(crate) fn items(body: &[u8], at: usize) -> Option<Vec<Range<usize>>> {
    let (mut scanner, mut items) = (Scanner::starting(body, at), Vec::new());
    let read = scanner.array(|scanner| {
        scanner.peek();
        let start = scanner.position();
        scanner.skip()?;
        items.push(start..scanner.position());
        Ok(())
    });
    read.ok().map(|()| items)
}

/// An object after changes to its members; a new one if `object` is none.
pub(crate) fn rewritten(object: &[u8], change: impl FnOnce(&mut Edits<'_, '_>)) -> Vec<u8> {
    let (object, fields) = match members(object) {
        Some(fields) => (object, fields),
        None => (b"{}".as_slice(), Vec::new()),
    };
    let mut edits = Edits::of_object(object, &fields);
    change(&mut edits);
    splice(object, &edits.finish())
}

/// The edits that remove some of the members or items at `places`, with the commas that are theirs.
pub(crate) fn cut(places: &[Range<usize>], removed: &[bool]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut kept_before = false;
    let mut previous = None;
    for (index, (place, removed)) in places.iter().zip(removed).enumerate() {
        let next = places.get(index + 1);
        if *removed {
            let range = match (previous, next) {
                (Some(end), _) if kept_before => end..place.end,
                (_, Some(next)) => place.start..next.start,
                (_, None) => place.clone(),
            };
            let with = Vec::new();
            edits.push(Edit { range, with });
        }
        kept_before |= !removed;
        previous = Some(place.end);
    }
    edits
}

fn in_order(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut done = 0;
    edits.retain(|edit| {
        let fits = edit.range.start >= done && edit.range.end >= edit.range.start;
        done = if fits { edit.range.end } else { done };
        fits
    });
    edits
}

#[cfg(test)]
mod tests;

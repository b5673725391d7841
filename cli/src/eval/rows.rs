//! Labelled rows: a JSON object on each line, perhaps compressed with gzip.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::load::failure;

/// One labelled text.
pub(crate) struct Row {
    pub(crate) text: String,
    /// Where it comes from, as its `source` says.
    pub(crate) source: Option<String>,
    /// The whole object.
    pub(crate) value: Value,
}

/// The rows of a file; of one split alone where one is named.
pub(crate) fn read(path: &Path, split: Option<&str>) -> Result<Vec<Row>, String> {
    let file = File::open(path).map_err(|error| failure(path, error))?;
    read_from(path, file, split)
}

fn read_from(path: &Path, source: impl Read, split: Option<&str>) -> Result<Vec<Row>, String> {
    let mut source = BufReader::new(source);
    let start = source.fill_buf().map_err(|error| failure(path, error))?;
    let is_gzip = start.starts_with(&[0x1f, 0x8b]);
    let lines: Box<dyn BufRead> = match is_gzip {
        true => Box::new(BufReader::new(MultiGzDecoder::new(source))),
        false => Box::new(source),
    };
    let mut rows = Vec::new();
    for (number, line) in lines.lines().enumerate() {
        let row = line
            .map_err(|error| error.to_string())
            .and_then(|line| parse(&line));
        let row = row.map_err(|why| failure(path, format!("line {}: {why}", number + 1)))?;
        let is_wanted =
            |row: &Row| split.is_none() || row.value.get("split").and_then(Value::as_str) == split;
        rows.extend(row.filter(is_wanted));
    }
    Ok(rows)
}

fn parse(line: &str) -> Result<Option<Row>, String> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let field = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(text), source) = (field("text"), field("source")) else {
        return Err("needs the string `text`".to_owned());
    };
    Ok(Some(Row { text, source, value }))
}

impl Row {
    /// A field that is a string.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.value.get(name).and_then(Value::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const LINES: &str =
        "{\"text\":\"a\",\"split\":\"train\",\"x\":[]}\n\n{\"text\":\"b\",\"source\":\"s\"}\n";

    fn texts(bytes: &[u8], split: Option<&str>) -> Result<Vec<String>, String> {
        let rows = read_from(Path::new("f"), bytes, split)?;
        Ok(rows.into_iter().map(|row| row.text).collect())
    }

    #[test]
    fn gzip_is_recognised_by_its_first_bytes() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(LINES.as_bytes()).unwrap();
        assert_eq!(texts(&gzip.finish().unwrap(), None).unwrap(), ["a", "b"]);
        assert_eq!(texts(LINES.as_bytes(), None).unwrap(), ["a", "b"]);
    }

    #[test]
    fn rows_of_another_split_are_left_out() {
        assert_eq!(texts(LINES.as_bytes(), Some("train")).unwrap(), ["a"]);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        let error = texts(format!("{LINES}nonsense\n").as_bytes(), None).unwrap_err();
        assert!(error.starts_with("error: f: line 4: "), "{error}");
        let error = texts(b"{\"text\":5}", None).unwrap_err();
        assert_eq!(error, "error: f: line 1: needs the string `text`\n");
    }
}

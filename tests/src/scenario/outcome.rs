//! What came of a request, compared with what must.

use anyhow::{Result, bail};

use super::{BodyExpect, Expect};
use crate::message::{Headers, Request, values};

/// What a host made of a request. A fake host fills in what it knows of.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The status that the client saw.
    pub status: u16,
    /// The headers that the client saw.
    pub response_headers: Headers,
    /// The cluster that served the request, where one did.
    pub upstream: Option<String>,
    /// The headers that this cluster received.
    pub upstream_headers: Headers,
    /// The body that this cluster received.
    pub upstream_body: Vec<u8>,
}

impl Expect {
    /// Everything in which an outcome differs from what must be, a sentence each.
    pub fn problems(&self, sent: &Request, outcome: &Outcome) -> Vec<String> {
        let mut problems = Vec::new();
        if outcome.status != self.status {
            problems.push(format!("status is {}, not {}", outcome.status, self.status));
        }
        if self.upstream.is_some() && self.upstream != outcome.upstream {
            problems.push(format!(
                "served by {:?}, not {:?}",
                outcome.upstream, self.upstream
            ));
        }
        if let Some(upstream) = outcome.upstream.as_ref().filter(|_| self.no_upstream) {
            problems.push(format!("served by {upstream}, not by the filter"));
        } else if outcome.upstream.is_some() {
            problems.extend(self.body_problem(sent, outcome));
        }
        problems.extend(self.header_problems(outcome));
        problems
    }

    fn body_problem(&self, sent: &Request, outcome: &Outcome) -> Option<String> {
        let wanted = match &self.body {
            BodyExpect::Unchanged => Ok(sent.body.clone()),
            BodyExpect::Model(model) => replace_model(&sent.body, "auto", model),
            BodyExpect::Exactly(body) => Ok(body.clone().into_bytes()),
        };
        match wanted {
            Ok(wanted) => difference(&wanted, &outcome.upstream_body),
            Err(error) => Some(error.to_string()),
        }
    }

    fn header_problems(&self, outcome: &Outcome) -> Vec<String> {
        let (to, back) = (&outcome.upstream_headers, &outcome.response_headers);
        let wanted = self
            .request_headers
            .iter()
            .map(|(name, wanted)| ("request", to, name, wanted.clone()));
        let unwanted = self
            .no_request_headers
            .iter()
            .map(|name| ("request", to, name, vec![]));
        let wanted_back = self
            .response_headers
            .iter()
            .map(|(name, wanted)| ("response", back, name, vec![wanted.clone()]));
        let unwanted_back = self
            .no_response_headers
            .iter()
            .map(|name| ("response", back, name, vec![]));
        let all = wanted.chain(unwanted).chain(wanted_back).chain(unwanted_back);
        all.map(|(side, headers, name, wanted)| (side, name, values(headers, name), wanted))
            .filter(|(_, _, got, wanted)| got != wanted)
            .map(|(side, name, got, wanted)| format!("{side} header {name} is {got:?}, not {wanted:?}"))
            .collect()
    }
}

/// The body with the string `"from"` replaced by `"to"`. It is an error if the body does not have it exactly once.
pub fn replace_model(body: &[u8], from: &str, to: &str) -> Result<Vec<u8>> {
    let quoted = format!("\"{from}\"").into_bytes();
    let mut found = body
        .windows(quoted.len())
        .enumerate()
        .filter(|(_, window)| *window == quoted);
    let (Some((start, _)), None) = (found.next(), found.next()) else {
        bail!("the body does not have \"{from}\" exactly once");
    };
    let (before, rest) = body.split_at(start);
    let (_, after) = rest.split_at(quoted.len());
    Ok([before, format!("\"{to}\"").as_bytes(), after].concat())
}

/// Where two bodies part, or nothing if they are the same.
pub fn difference(wanted: &[u8], got: &[u8]) -> Option<String> {
    if wanted == got {
        return None;
    }
    let same = wanted.iter().zip(got).take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        let part = bytes.get(same.saturating_sub(20)..bytes.len().min(same + 20));
        String::from_utf8_lossy(part.unwrap_or_default()).into_owned()
    };
    Some(format!(
        "body differs at byte {same}: {} bytes for {}, {:?} for {:?}",
        got.len(),
        wanted.len(),
        around(got),
        around(wanted)
    ))
}

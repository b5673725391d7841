//! What is done to a request once it is decided: headers and body changed, or an answer of our own.

use promptswitch_policy::{HeaderChange, HeaderOperation, Reply, Verdict};

use crate::host::Host;
use crate::offload::Ask;
use crate::plugin::Plugin;

/// The changes that a decision makes to a held request.
#[derive(Debug, PartialEq)]
pub struct Release {
    /// Changes of headers, in this order.
    pub headers: Vec<HeaderChange>,
    /// The new body and the size of the one that it replaces.
    pub body: Option<(usize, Vec<u8>)>,
    /// A question to the companion for whose answer the request does not wait.
    pub ask: Option<Ask>,
}

impl Release {
    /// Makes the changes. Only while the host still holds the request's headers.
    pub fn apply(&self, host: &dyn Host) {
        if let Some((size, body)) = &self.body {
            host.replace_request_body(*size, body);
            // A stale length forwards both bodies: request smuggling. A body that came without one keeps its framing.
            if host.request_header("content-length").is_some() {
                host.set_request_header("content-length", &body.len().to_string());
            }
        }
        for HeaderChange { name, operation } in &self.headers {
            match operation {
                HeaderOperation::Set(value) => host.set_request_header(name, value),
                HeaderOperation::Append(value) => host.append_request_header(name, value),
                HeaderOperation::Remove => host.remove_request_header(name),
            }
        }
        if !self.headers.is_empty() {
            // Setting a header does so by itself under ABI 0.2.1; no other host promises it.
            host.clear_route_cache();
        }
    }
}

/// The changes of request headers: the decision's own first, then the routing headers, which nothing overrides.
pub(crate) fn changes(host: &dyn Host, plugin: &Plugin, verdict: &Verdict) -> Vec<HeaderChange> {
    let set = |name: &str, value: String| HeaderChange {
        name: name.to_owned(),
        operation: HeaderOperation::Set(value),
    };
    let mut changes = verdict.headers.clone();
    changes.extend(
        verdict
            .retention
            .iter()
            .map(|(name, value)| set(name, value.clone())),
    );
    if verdict.cache.as_ref().is_some_and(|plan| plan.write) {
        // An encoded answer could not be kept.
        changes.push(set("accept-encoding", "identity".to_owned()));
    }
    let header = |name: &str| host.request_header(name);
    let outputs = plugin.policy.request_headers(verdict, &header);
    changes.extend(outputs.into_iter().map(|(name, value)| set(name, value)));
    changes
}

/// Gives the client an answer of ours. The response headers come as to any response.
pub fn answer(host: &dyn Host, reply: &Reply) {
    let own = reply.headers.iter().map(|(name, value)| (*name, value.as_str()));
    let headers: Vec<_> = [("content-type", reply.content_type.as_str())]
        .into_iter()
        .chain(own)
        .collect();
    host.reply(reply.status, &headers, &reply.body);
}

//! `fast_response`: an answer that needs no model.

use crate::config::reader::Object;
use crate::reply::Reply;
use crate::{Context, Reason, Request, Verdict};

/// What is answered.
#[derive(Debug)]
pub(crate) enum FastResponse {
    /// As if a model had said it.
    Message(String),
    /// An error of this status. VSR has none.
    Error {
        status: u16,
        code: Option<String>,
        message: String,
    },
}

/// Reads the plugin's configuration: a `message`, or an `error: {status, code, message}`.
pub(crate) fn read(object: &mut Object<'_>) -> Option<FastResponse> {
    let Some(mut error) = object.object("error") else {
        return object
            .need_text("message")
            .map(|text| FastResponse::Message(text.to_owned()));
    };
    if object.text("message").is_some_and(|text| !text.is_empty()) {
        object.error("error", "stands beside a `message`: give one of them");
    }
    if error.get("status").is_none() {
        error.error("status", "is missing");
    }
    let status = error.integer("status", 400..=599);
    let code = error.text("code").map(str::to_owned);
    let message = error.need_text("message").map(str::to_owned);
    error.finish();
    Some(FastResponse::Error {
        status: u16::try_from(status?).ok()?,
        code,
        message: message?,
    })
}

impl FastResponse {
    /// Makes the verdict one of answering at once.
    pub(crate) fn apply(&self, verdict: &mut Verdict, request: &Request<'_>, context: &Context<'_>) {
        verdict.reason = Reason::FastResponse;
        verdict.reply = Some(match self {
            FastResponse::Message(text) => Reply::message(
                text,
                request,
                context.random ^ context.now_ms,
                context.now_ms / 1000,
            ),
            FastResponse::Error {
                status,
                code,
                message,
            } => Reply::error(*status, code.as_deref(), message, request.api()),
        });
    }
}

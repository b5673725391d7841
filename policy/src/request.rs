//! A borrowed view over the bytes of a request body.

mod read;
mod turns;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::Reason;
use crate::json::{Scanner, Text};
pub(crate) use turns::{Role, Turn};

/// The API that a request speaks, which says where its prompt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI chat completions: `messages`.
    ChatCompletions,
    /// OpenAI completions: `prompt`.
    Completions,
    /// OpenAI responses: `input`.
    Responses,
    /// Anthropic messages: `messages` beside `system`.
    Messages,
}

impl Api {
    /// The key under which a body has its prompt.
    const fn prompt_key(self) -> &'static str {
        match self {
            Api::ChatCompletions | Api::Messages => "messages",
            Api::Completions => "prompt",
            Api::Responses => "input",
        }
    }

    /// The name that a configuration uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Api::ChatCompletions => "chat_completions",
            Api::Completions => "completions",
            Api::Responses => "responses",
            Api::Messages => "messages",
        }
    }
}

/// How many turns each role has. A role that none of the APIs knows is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// `system` turns.
    pub system: usize,
    /// `developer` turns.
    pub developer: usize,
    /// `user` turns; a prompt or an input that is a plain string is one.
    pub user: usize,
    /// `assistant` turns.
    pub assistant: usize,
    /// `tool` and `function` turns.
    pub tool: usize,
}

/// A request body, viewed in place. Its `Debug` shows counts, never text.
pub struct Request<'a> {
    api: Api,
    body: &'a [u8],
    model: Cow<'a, str>,
    fields: Vec<Field<'a>>,
    stream: bool,
    has_tools: bool,
    roles: Roles,
    first_user: Option<Vec<Text<'a>>>,
    last_user: Option<Vec<Text<'a>>>,
}

/// One top-level member of a body. A key may occur twice: nothing stops a client from that.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    pub(crate) key: Text<'a>,
    /// From the key's quote to the end of the value.
    pub(crate) whole: Range<usize>,
    pub(crate) value: Range<usize>,
}

impl<'a> Request<'a> {
    /// Views `body` in one pass, without copying it. Strings are not validated, and text that is not UTF-8 is
    /// read with replacement characters. Where a key occurs twice the last one counts.
    ///
    /// # Errors
    /// [`Reason::NoBody`], [`Reason::BadJson`], [`Reason::NotAnObject`], [`Reason::NoModel`] or
    /// [`Reason::ModelNotString`].
    pub fn parse(api: Api, body: &'a [u8]) -> Result<Request<'a>, Reason> {
        if body.is_empty() {
            return Err(Reason::NoBody);
        }
        let mut scanner = Scanner::new(body);
        if scanner.peek() != Some(b'{') {
            let whole = scanner.skip().and_then(|()| scanner.end());
            return Err(if whole.is_ok() {
                Reason::NotAnObject
            } else {
                Reason::BadJson
            });
        }
        let found = read::body(api, &mut scanner).map_err(|_| Reason::BadJson)?;
        let model = found.fields.iter().rfind(|field| field.key.is("model"));
        let model = model.ok_or(Reason::NoModel)?.text(body);
        let model = model.ok_or(Reason::ModelNotString)?.decode();
        Ok(Request {
            api,
            body,
            model,
            fields: found.fields,
            stream: found.stream,
            has_tools: found.has_tools,
            roles: found.roles,
            first_user: found.first_user,
            last_user: found.last_user,
        })
    }

    /// The API that the body was read as.
    pub fn api(&self) -> Api {
        self.api
    }

    /// The model that the client asked for.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether the client asked for a stream of events.
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// Whether the request offers tools to the model.
    pub fn has_tools(&self) -> bool {
        self.has_tools
    }

    /// How many turns each role has.
    pub fn roles(&self) -> Roles {
        self.roles
    }

    /// The text to judge: the last user turn that is not blank, its parts joined by newlines.
    pub fn last_user_text(&self) -> Option<Cow<'a, str>> {
        self.last_user.as_deref().map(join)
    }

    /// The first user turn that is not blank, which stays the same for the length of a conversation.
    pub fn first_user_text(&self) -> Option<Cow<'a, str>> {
        self.first_user.as_deref().map(join)
    }

    /// The bytes that are viewed.
    pub(crate) fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The top-level members, in the order of the body.
    pub(crate) fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The value of a top-level key, as JSON; the last one counts.
    pub(crate) fn field(&self, key: &str) -> Option<&'a [u8]> {
        let field = self.fields.iter().rfind(|field| field.key.is(key))?;
        self.body.get(field.value.clone())
    }

    /// The turns of the conversation, read anew at each call. A prompt or an input that is a plain string is a
    /// user turn; Anthropic's `system` and Responses' `instructions` are not turns.
    pub(crate) fn turns(&self) -> Vec<Turn<'a>> {
        turns::read(self)
    }

    /// The key under which the conversation is.
    pub(crate) fn prompt_key(&self) -> &'static str {
        self.api.prompt_key()
    }

    /// The places whose model is not `wanted`. Parsers differ on which of several `model` keys counts, so all of
    /// them have to agree before the body is passed on.
    pub(crate) fn models_other_than<'s>(
        &'s self,
        wanted: &str,
    ) -> impl Iterator<Item = Range<usize>> + use<'s, 'a> {
        let (wanted, body) = (wanted.to_owned(), self.body);
        let models = self.fields.iter().filter(|field| field.key.is("model"));
        let differs = move |field: &&Field<'_>| !field.text(body).is_some_and(|text| text.is(&wanted));
        models.filter(differs).map(|field| field.value.clone())
    }
}

impl<'a> Field<'a> {
    /// The value, if it is a string.
    pub(crate) fn text(&self, body: &'a [u8]) -> Option<Text<'a>> {
        let mut scanner = Scanner::new(body.get(self.value.clone())?);
        scanner.string().ok()
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("api", &self.api)
            .field("stream", &self.stream)
            .field("has_tools", &self.has_tools)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

fn join<'a>(parts: &[Text<'a>]) -> Cow<'a, str> {
    match parts {
        [only] => only.decode(),
        _ => {
            let parts: Vec<_> = parts.iter().map(Text::decode).collect();
            Cow::Owned(parts.join("\n"))
        }
    }
}

#[cfg(test)]
mod tests;

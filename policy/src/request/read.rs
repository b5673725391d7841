//! Where the parts of a body are, by API.

use super::{Api, Field, Role, Roles};
use crate::json::{Result, Scanner, Text};

/// What one pass over a body finds.
#[derive(Default)]
pub(super) struct Found<'a> {
    pub(super) fields: Vec<Field<'a>>,
    pub(super) stream: bool,
    pub(super) has_tools: bool,
    pub(super) roles: Roles,
    pub(super) first_user: Option<Vec<Text<'a>>>,
    pub(super) last_user: Option<Vec<Text<'a>>>,
}

pub(super) fn body<'a>(api: Api, scanner: &mut Scanner<'a>) -> Result<Found<'a>> {
    let mut found = Found::default();
    let prompt_key = api.prompt_key();
    scanner.object_at(|scanner, key, key_start| {
        scanner.peek();
        let start = scanner.position();
        if key.is(prompt_key) {
            found.forget_turns();
            prompt(api, scanner, &mut found)?;
        } else if key.is("stream") {
            found.stream = scanner.peek() == Some(b't');
            scanner.skip()?;
        } else if key.is("tools") {
            found.has_tools = has_items(scanner)?;
        } else {
            scanner.skip()?;
        }
        let end = scanner.position();
        found.fields.push(Field {
            key,
            whole: key_start..end,
            value: start..end,
        });
        Ok(())
    })?;
    scanner.end()?;
    Ok(found)
}

fn has_items(scanner: &mut Scanner<'_>) -> Result<bool> {
    if scanner.peek() != Some(b'[') {
        scanner.skip()?;
        return Ok(false);
    }
    let mut any = false;
    scanner.array(|scanner| {
        any = true;
        scanner.skip()
    })?;
    Ok(any)
}

fn prompt<'a>(api: Api, scanner: &mut Scanner<'a>, found: &mut Found<'a>) -> Result {
    let is_turns = scanner.peek() == Some(b'[') && api != Api::Completions;
    if !is_turns {
        let text = content(scanner)?;
        // A bare string is a turn of the user, except where the API has no such form.
        if matches!(api, Api::Completions | Api::Responses) {
            found.turn(Some(Role::User), text);
        }
        return Ok(());
    }
    scanner.array(|scanner| {
        if scanner.peek() != Some(b'{') {
            return scanner.skip();
        }
        let (mut role, mut text) = (None, Vec::new());
        scanner.object(|scanner, key| {
            if key.is("role") {
                role = Role::read(scanner)?;
                Ok(())
            } else if key.is("content") {
                text = content(scanner)?;
                Ok(())
            } else {
                scanner.skip()
            }
        })?;
        found.turn(role, text);
        Ok(())
    })
}

/// The texts of a string, of an array of strings, or of an array of content parts; of anything else, none.
pub(super) fn content<'a>(scanner: &mut Scanner<'a>) -> Result<Vec<Text<'a>>> {
    let mut texts = Vec::new();
    match scanner.peek() {
        Some(b'"') => texts.push(scanner.string()?),
        Some(b'[') => scanner.array(|scanner| {
            match scanner.peek() {
                Some(b'"') => texts.push(scanner.string()?),
                Some(b'{') => texts.extend(part(scanner)?),
                _ => scanner.skip()?,
            }
            Ok(())
        })?,
        _ => scanner.skip()?,
    }
    Ok(texts)
}

/// The text of one content part. Images, tool results and other parts have none of the user's.
fn part<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Text<'a>>> {
    let (mut is_text, mut text) = (false, None);
    scanner.object(|scanner, key| {
        let is_string = scanner.peek() == Some(b'"');
        if key.is("type") && is_string {
            let kind = scanner.string()?;
            is_text = kind.is("text") || kind.is("input_text");
        } else if key.is("text") && is_string {
            text = Some(scanner.string()?);
        } else {
            scanner.skip()?;
        }
        Ok(())
    })?;
    Ok(text.filter(|_| is_text))
}

impl<'a> Found<'a> {
    fn forget_turns(&mut self) {
        self.roles = Roles::default();
        self.first_user = None;
        self.last_user = None;
    }

    fn turn(&mut self, role: Option<Role>, text: Vec<Text<'a>>) {
        let Some(role) = role else { return };
        let count = match role {
            Role::System => &mut self.roles.system,
            Role::Developer => &mut self.roles.developer,
            Role::User => &mut self.roles.user,
            Role::Assistant => &mut self.roles.assistant,
            Role::Tool => &mut self.roles.tool,
        };
        *count += 1;
        if matches!(role, Role::User) && !text.iter().all(Text::is_blank) {
            if self.first_user.is_none() {
                self.first_user = Some(text.clone());
            }
            self.last_user = Some(text);
        }
    }
}

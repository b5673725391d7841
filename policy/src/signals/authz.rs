//! `authz`: who asks, by headers that an authentication before this filter sets.

use std::collections::BTreeSet;

use crate::config::reader::Object;
use crate::config::settings::check_header;
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal, read_name};

/// The declared role bindings, by the roles that they give.
#[derive(Debug)]
struct Roles {
    roles: Vec<Role>,
    user_header: String,
    groups_header: String,
}

/// A role, and who has it. Rules name the role, as in VSR, not the binding.
#[derive(Debug, PartialEq)]
struct Role {
    name: String,
    subjects: Vec<Subject>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    User(String),
    Group(String),
}

/// Where a request says who asks.
#[derive(Clone, Debug)]
pub(crate) struct AuthzDefaults {
    user_header: String,
    groups_header: String,
    /// Whether VSR would answer 403 when nobody is named: it does so unless told otherwise.
    fail_open: bool,
}

impl Default for AuthzDefaults {
    fn default() -> Self {
        AuthzDefaults {
            user_header: "x-authz-user-id".to_owned(),
            groups_header: "x-authz-user-groups".to_owned(),
            fail_open: false,
        }
    }
}

impl AuthzDefaults {
    /// The request header that names the user, in lower case.
    pub(crate) fn user_header(&self) -> &str {
        &self.user_header
    }

    /// Reads `global.services.authz`.
    pub(crate) fn read(&mut self, mut object: Object<'_>) {
        self.fail_open = object.flag("fail_open").unwrap_or(false);
        if let Some(mut identity) = object.object("identity") {
            read_header(&mut identity, "user_id_header", &mut self.user_header);
            read_header(&mut identity, "user_groups_header", &mut self.groups_header);
            identity.finish();
        }
        object.tuning("providers", "keys of providers are the gateway's to add");
        object.finish();
    }
}

fn read_header(object: &mut Object<'_>, key: &'static str, header: &mut String) {
    let Some(name) = object.text(key).filter(|name| !name.is_empty()) else {
        return;
    };
    let name = name.trim().to_ascii_lowercase();
    check_header(&name, |message| object.error(key, message));
    *header = name;
}

/// Reads `routing.signals.role_bindings`.
pub(crate) fn read(objects: Vec<Object<'_>>, setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let (mut taken, mut roles) = (BTreeSet::new(), Vec::<Role>::new());
    if let Some(first) = objects.first().filter(|_| !setup.authz.fail_open) {
        let message = format!(
            "requests without {} are not turned away, as VSR does: they have no role; have the gateway refuse them",
            setup.authz.user_header
        );
        first
            .report()
            .warn("global.services.authz.fail_open".to_owned(), message);
    }
    for object in objects {
        let role = read_binding(object, &mut taken);
        match roles.iter_mut().find(|known| known.name == role.name) {
            Some(known) => known.subjects.extend(role.subjects),
            None => roles.push(role),
        }
    }
    Box::new(Roles {
        roles,
        user_header: setup.authz.user_header.clone(),
        groups_header: setup.authz.groups_header.clone(),
    })
}

fn read_binding<'v>(mut object: Object<'v>, taken: &mut BTreeSet<&'v str>) -> Role {
    read_name(&mut object, taken);
    let name = object.need_text("role").unwrap_or_default().to_owned();
    let objects = object.objects("subjects");
    if objects.is_empty() {
        object.error("subjects", "needs one subject or more");
    }
    let subjects = objects.into_iter().filter_map(read_subject).collect();
    object.ignore(&["description"]);
    object.finish();
    Role { name, subjects }
}

fn read_subject(mut object: Object<'_>) -> Option<Subject> {
    type Kind = fn(String) -> Subject;
    const KINDS: [(&str, Kind); 2] = [("User", Subject::User), ("Group", Subject::Group)];
    object.need_text("kind");
    let kind = object.choice("kind", &KINDS);
    let name = object.need_text("name").map(str::trim);
    if name == Some("") {
        object.error("name", "is missing");
    }
    object.finish();
    Some(kind?(name?.to_owned()))
}

impl Signal for Roles {
    fn names(&self) -> Vec<String> {
        self.roles.iter().map(|role| role.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let header = |name: &str| reading.context().header(name);
        let user = header(&self.user_header).unwrap_or_default();
        let groups = header(&self.groups_header).unwrap_or_default();
        Ok(self.matches(&user, &groups))
    }
}

impl Roles {
    /// `groups` is a list with commas. Without a user nobody has a role, whatever the groups: an authentication
    /// that names no user has not happened.
    fn matches(&self, user: &[u8], groups: &[u8]) -> Vec<Option<f32>> {
        let groups: BTreeSet<_> = groups
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .collect();
        let is = |subject: &Subject| match subject {
            Subject::User(name) => name.as_bytes() == user,
            Subject::Group(name) => groups.contains(name.as_bytes()),
        };
        let has = |role: &Role| (!user.is_empty() && role.subjects.iter().any(is)).then_some(1.0);
        self.roles.iter().map(has).collect()
    }
}

#[cfg(test)]
mod tests;

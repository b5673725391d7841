//! Changes to headers and body, in Envoy's words.

use envoy_types::pb::envoy::config::core::v3::{
    HeaderValue, HeaderValueOption, header_value_option::HeaderAppendAction,
};
use envoy_types::pb::envoy::service::ext_proc::v3::{
    BodyMutation, CommonResponse, HeaderMutation, HttpHeaders, body_mutation::Mutation,
};

/// First value of a header.
pub(crate) fn find<'a>(headers: &'a HttpHeaders, name: &str) -> Option<&'a [u8]> {
    let headers = &headers.headers.as_ref()?.headers;
    let header = headers.iter().find(|header| header.key == name)?;
    // Envoy fills one of the two, by its version and configuration.
    Some(if header.raw_value.is_empty() {
        header.value.as_bytes()
    } else {
        &header.raw_value
    })
}

/// Removes all values of these headers.
pub(crate) fn remove(names: Vec<String>) -> CommonResponse {
    let header_mutation = (!names.is_empty()).then(|| HeaderMutation {
        remove_headers: names,
        ..HeaderMutation::default()
    });
    CommonResponse {
        header_mutation,
        ..CommonResponse::default()
    }
}

/// Sets these headers, each in the place of what is there.
pub(crate) fn set<N: ToString>(
    mut response: CommonResponse,
    headers: impl IntoIterator<Item = (N, String)>,
) -> CommonResponse {
    let options = headers
        .into_iter()
        .map(|(name, value)| option(name.to_string(), value));
    response
        .header_mutation
        .get_or_insert_default()
        .set_headers
        .extend(options);
    response
}

/// Replaces the body. Envoy refuses one whose length is not the request's content-length.
pub(crate) fn replace_body(response: CommonResponse, body: Vec<u8>, has_length: bool) -> CommonResponse {
    let length = has_length.then(|| ("content-length", body.len().to_string()));
    let response = set(response, length);
    CommonResponse {
        body_mutation: Some(BodyMutation {
            mutation: Some(Mutation::Body(body)),
        }),
        ..response
    }
}

fn option(key: String, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key,
            raw_value: value.into_bytes(),
            ..HeaderValue::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }
}

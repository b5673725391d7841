//! The one list of outcomes.

macro_rules! reasons {
    ($($variant:ident $name:literal $meaning:literal)*) => {
        /// Why a request got the model it got: the value of `x-promptswitch-reason`, of the log field and of
        /// the metric label.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $meaning] $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of the table in the README.
            pub const fn all() -> &'static [Reason] {
                &[$(Reason::$variant,)*]
            }

            /// The `snake_case` name, stable across versions.
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$variant => $name,)* }
            }

            /// One line that says when the reason is given.
            pub const fn meaning(self) -> &'static str {
                match self { $(Reason::$variant => $meaning,)* }
            }
        }
    };
}

reasons! {
    Decision "decision" "a decision matched; its model answers"
    FastResponse "fast_response" "a decision matched that answers by itself; no model is asked"
    CacheHit "cache_hit" "a decision matched, and the same request has been answered before; no model is asked"
    Default "default" "no decision matched; the default model answers"
    ExplicitModel "explicit_model" "the client named a declared model; nothing was classified"
    UnknownModel "unknown_model" "the client named a model that is not declared; it was passed on"
    SkippedByClient "skipped_by_client" "the client asked by x-vsr-skip-processing to be left alone, and may"
    NotChatPath "not_chat_path" "the path is not one whose requests are routed"
    NotPost "not_post" "the method is not POST"
    Upgrade "upgrade" "the request asks for a protocol upgrade"
    NotJson "not_json" "the content type is not JSON"
    ContentEncoding "content_encoding" "the body is compressed, so it cannot be read"
    NoBody "no_body" "the request has no body"
    BodyTooLarge "body_too_large" "the body is larger than limits.max_body_bytes"
    BadJson "bad_json" "the body is not well-formed JSON"
    NotAnObject "not_an_object" "the body is JSON but not an object"
    NoModel "no_model" "the body has no model"
    ModelNotString "model_not_string" "the model in the body is not a string"
    NoUserText "no_user_text" "the body has no text from the user to classify"
    ClassifierError "classifier_error" "the classifier failed; the default model answers"
    HeadersMode "headers_mode" "mode is headers, so bodies are not read"
    HeaderHoldUnsupported "header_hold_unsupported" "the host does not hold request headers while the body is read"
    ClientGone "client_gone" "the client left before its body was whole; seen in metrics and log only"
}

impl Reason {
    /// Whether the request was turned away before its body was looked at.
    pub const fn is_gate(self) -> bool {
        use Reason::*;
        matches!(
            self,
            NotChatPath
                | NotPost
                | Upgrade
                | NotJson
                | ContentEncoding
                | NoBody
                | BodyTooLarge
                | HeadersMode
                | HeaderHoldUnsupported
        )
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_snake_case() {
        let mut names: Vec<_> = Reason::all().iter().map(|r| r.as_str()).collect();
        assert!(
            names
                .iter()
                .all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        );
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Reason::all().len());
    }

    #[test]
    fn every_meaning_is_one_line() {
        for reason in Reason::all() {
            assert!(
                !reason.meaning().is_empty() && !reason.meaning().contains('\n'),
                "{reason}"
            );
        }
    }
}

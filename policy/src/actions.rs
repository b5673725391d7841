//! What a decision does beside choosing a model. One file for each kind of action: its reader and its effect.

pub(crate) mod edits;
pub(crate) mod fast_response;
pub(crate) mod header_mutation;
pub(crate) mod lora;
pub(crate) mod reasoning;
pub(crate) mod request_params;
pub(crate) mod response_cache;
pub(crate) mod retention;
pub(crate) mod system_prompt;
pub(crate) mod tools;

use crate::decision::Choice;
use crate::policy::Model;
use crate::{Context, HeaderChange, Request, Verdict};
use edits::Edits;

/// What a decision does beside choosing a model.
#[derive(Debug, Default)]
pub(crate) struct Actions {
    /// The types of the plugins that are on, in the order of the document.
    pub(crate) plugins: Vec<&'static str>,
    pub(crate) system_prompt: Option<system_prompt::SystemPrompt>,
    pub(crate) headers: Vec<HeaderChange>,
    pub(crate) params: Option<request_params::RequestParams>,
    pub(crate) tools: Option<tools::Tools>,
    pub(crate) fast_response: Option<fast_response::FastResponse>,
    pub(crate) cache: Option<response_cache::ResponseCache>,
    pub(crate) retention: Option<retention::Retention>,
}

impl Actions {
    /// Writes into `verdict`, which has its model, what else is to be done.
    pub(crate) fn apply(
        &self,
        verdict: &mut Verdict,
        chosen: Option<(&Choice, &Model)>,
        request: &Request<'_>,
        context: &Context<'_>,
    ) {
        verdict.plugins.clone_from(&self.plugins);
        if let Some(answer) = &self.fast_response {
            return answer.apply(verdict, request, context);
        }
        if let Some((choice, _)) = chosen {
            lora::apply(choice, verdict);
            verdict.reasoning = Some(choice.reasoning.on);
        }
        verdict.headers.clone_from(&self.headers);
        if let Some(retention) = &self.retention {
            verdict.retention = retention.headers();
        }
        self.edit(verdict, chosen, request);
        if let Some(cache) = &self.cache {
            verdict.cache = cache.plan(
                verdict,
                chosen.map(|(choice, _)| choice),
                self.retention.as_ref(),
                request,
                context,
            );
        }
    }

    /// Parameters come last, as in VSR, so that what they block stays away.
    fn edit(&self, verdict: &mut Verdict, chosen: Option<(&Choice, &Model)>, request: &Request<'_>) {
        let mut edits = Edits::of(request);
        if request
            .models_other_than(&verdict.upstream_model)
            .next()
            .is_some()
        {
            edits.set_text("model", &verdict.upstream_model);
        }
        if let Some(tools) = &self.tools {
            tools.apply(request, &mut edits);
        }
        let family = chosen.and_then(|(choice, model)| Some((model.reasoning.as_ref()?, choice)));
        if let Some((family, choice)) = family {
            family.apply(&choice.reasoning, request, &mut edits);
        }
        if let Some(prompt) = &self.system_prompt {
            verdict.injected_system_prompt = prompt.apply(request, &mut edits);
        }
        if let Some(params) = &self.params {
            params.apply(request, &mut edits);
        }
        verdict.edits = edits.finish();
    }
}

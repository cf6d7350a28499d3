//! The bodies of requests.

use std::sync::Arc;

use super::super::explanation::Breach;
use super::super::part::Part;
use super::super::problem::ContractProblem;
use super::super::schemas::Schemas;
use super::media::{Content, Described};

/// What the body of a request may be.
#[derive(Debug)]
pub(super) struct RequestBody {
    is_required: bool,
    pub(super) content: Content,
}

impl RequestBody {
    pub(super) fn parse(part: &Part<'_>, schemas: &Arc<Schemas>) -> Self {
        Self { is_required: part.is_true("required"), content: Content::parse(part, schemas) }
    }

    /// # Errors
    ///
    /// When the schema of the body is invalid.
    pub(super) fn judge(&self, body: Described<'_>) -> Result<Vec<Breach>, ContractProblem> {
        if !body.body.is_empty() {
            return self.content.judge(body);
        }
        Ok(if self.is_required {
            vec![Breach {
                pointer: String::new(),
                expected: format!("a body of {}, because it is required", self.content.names()),
                actual: "no body".to_owned(),
                place: self.content.source().to_owned(),
            }]
        } else {
            Vec::new()
        })
    }
}

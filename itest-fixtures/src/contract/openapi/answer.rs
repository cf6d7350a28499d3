//! The answers of operations, by their status.

use std::sync::Arc;

use super::super::explanation::Breach;
use super::super::http_parts::AnswerParts;
use super::super::part::Part;
use super::super::problem::ContractProblem;
use super::super::schemas::{Schema, Schemas};
use super::media::{Content, Described};
use super::parameter::Parameter;

/// The statuses whose responses never have a body.
const WITHOUT_BODY: [u16; 3] = [204, 205, 304];

/// All answers of an operation.
#[derive(Debug, Default)]
pub(super) struct Answers {
    answers: Vec<Answer>,
    /// The place in the contract.
    source: String,
}

/// The answer with one status, or with a range of them.
#[derive(Debug)]
struct Answer {
    /// The status as the contract has it: `404`, `4XX` or `default`.
    status: String,
    headers: Vec<Parameter>,
    content: Content,
    /// The place in the contract.
    source: String,
}

/// Where an answer breaks the contract.
#[derive(Debug)]
pub(super) struct AnswerBreach {
    /// The part of the answer.
    pub(super) part: String,
    pub(super) breach: Breach,
}

impl Answers {
    /// Reads the member `responses` of an operation.
    ///
    /// # Errors
    ///
    /// When a status is none, or a reference leads nowhere.
    pub(super) fn parse(operation: &Part<'_>, schemas: &Arc<Schemas>) -> Result<Self, ContractProblem> {
        let Some(responses) = operation.resolved("responses")? else {
            return Ok(Self { answers: Vec::new(), source: operation.place() });
        };
        let mut answers = Vec::new();
        for (status, answer) in responses.members().filter(|(status, _)| !status.starts_with("x-")) {
            let digits = status.strip_suffix("XX").or_else(|| status.strip_suffix("xx")).unwrap_or(status);
            let is_status = matches!(digits.len(), 1 | 3) && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !is_status && status != "default" {
                return Err(answer.problem(format!("{status:?} is no status; write 404, 4XX or default")));
            }
            let source = answer.place();
            let answer = answer.target()?;
            let mut headers = Vec::new();
            for (name, header) in answer.member("headers").iter().flat_map(Part::members) {
                // The content type is judged with the body.
                if !name.eq_ignore_ascii_case("content-type") {
                    headers.push(Parameter::parse_header(name, &header.target()?, schemas)?);
                }
            }
            let content = Content::parse(&answer, schemas);
            answers.push(Answer { status: status.to_ascii_uppercase(), headers, content, source });
        }
        Ok(Self { answers, source: responses.place() })
    }

    /// The schemas, to check them.
    pub(super) fn schemas(&self) -> impl Iterator<Item = &Schema> {
        let contents = self.answers.iter().flat_map(|answer| answer.content.schemas());
        contents.chain(self.answers.iter().flat_map(|answer| &answer.headers).filter_map(Parameter::schema))
    }

    /// Where an answer to a request of a method breaks the contract.
    ///
    /// # Errors
    ///
    /// When a schema of the answer is invalid.
    pub(super) fn judge(&self, method: &str, answer: AnswerParts<'_>) -> Result<Vec<AnswerBreach>, ContractProblem> {
        let Some(stated) = self.of_status(answer.status) else {
            let statuses: Vec<_> = self.answers.iter().map(|answer| answer.status.to_lowercase()).collect();
            let expected = if statuses.is_empty() { "no answer at all".to_owned() } else { statuses.join(" or ") };
            return Ok(vec![AnswerBreach {
                part: "status of the answer".to_owned(),
                breach: Breach {
                    pointer: String::new(),
                    expected: expected.replace("xx", "XX"),
                    actual: answer.status.to_string(),
                    place: self.source.clone(),
                },
            }]);
        };
        let mut breaches = Vec::new();
        for header in &stated.headers {
            let part = format!("{} of the answer", header.label());
            let of_header = header.judge_header(answer.headers)?;
            breaches.extend(of_header.into_iter().map(|breach| AnswerBreach { part: part.clone(), breach }));
        }
        let of_body = |breach| AnswerBreach { part: "body of the answer".to_owned(), breach };
        match answer.body {
            Some(body) if method != "HEAD" && !WITHOUT_BODY.contains(&answer.status) => {
                let of_content = stated.judge_body(Described { headers: answer.headers, body })?;
                breaches.extend(of_content.into_iter().map(of_body));
            }
            _ => {}
        }
        Ok(breaches)
    }

    /// What is stated for a status: first by its number, then by its range, then by default.
    fn of_status(&self, status: u16) -> Option<&Answer> {
        let names = [status.to_string(), format!("{}XX", status / 100), "DEFAULT".to_owned()];
        names.iter().find_map(|name| self.answers.iter().find(|answer| answer.status == *name))
    }
}

impl Answer {
    fn judge_body(&self, body: Described<'_>) -> Result<Vec<Breach>, ContractProblem> {
        let breach = |expected: String, actual: String| {
            vec![Breach { pointer: String::new(), expected, actual, place: self.source.clone() }]
        };
        match (self.content.is_empty(), body.body) {
            (true, []) => Ok(Vec::new()),
            (true, bytes) => Ok(breach("no body".to_owned(), format!("a body of {} bytes", bytes.len()))),
            (false, []) => Ok(breach(format!("a body of {}", self.content.names()), "no body".to_owned())),
            (false, _) => self.content.judge(body),
        }
    }
}

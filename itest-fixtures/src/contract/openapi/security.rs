//! Which credentials an operation requires.

use super::super::explanation::Breach;
use super::super::part::Part;
use super::super::problem::ContractProblem;
use super::view::{RequestView, decoded};

/// The credentials of an operation: one of the alternatives. Without any, none are required.
#[derive(Debug, Clone, Default)]
pub(super) struct Security {
    alternatives: Vec<Vec<Scheme>>,
    /// The place in the contract.
    source: String,
}

/// One credential.
#[derive(Debug, Clone)]
struct Scheme {
    name: String,
    carrier: Carrier,
}

/// Where a credential stands in a request.
#[derive(Debug, Clone)]
enum Carrier {
    /// The header `authorization` with a scheme.
    Authorization(String),
    Header(String),
    Query(String),
    Cookie(String),
    /// The request does not show it, such as a certificate of the client.
    Elsewhere,
}

impl Security {
    /// Reads the member `security` of an operation, or of the whole contract. None if there is no such member.
    ///
    /// # Errors
    ///
    /// When a scheme is not defined.
    pub(super) fn parse(part: &Part<'_>, root: &Part<'_>) -> Result<Option<Self>, ContractProblem> {
        let Some(security) = part.member("security") else { return Ok(None) };
        let schemes =
            root.resolved("components")?.map(|components| components.resolved("securitySchemes")).transpose()?;
        let schemes = schemes.flatten();
        let mut alternatives = Vec::new();
        for alternative in security.items() {
            let mut all = Vec::new();
            for (name, requirement) in alternative.members() {
                let scheme = schemes.as_ref().and_then(|schemes| schemes.member(name));
                let Some(scheme) = scheme else {
                    let reason = format!("the security scheme {name:?} is not in /components/securitySchemes");
                    return Err(requirement.problem(reason));
                };
                all.push(Scheme { name: name.to_owned(), carrier: Carrier::parse(&scheme.target()?)? });
            }
            alternatives.push(all);
        }
        Ok(Some(Self { alternatives, source: security.place() }))
    }

    /// The breach, if the request has none of the credentials.
    pub(super) fn judge(&self, request: &RequestView<'_>) -> Option<Breach> {
        let is_met = |all: &Vec<Scheme>| all.iter().all(|scheme| scheme.carrier.is_in(request));
        if self.alternatives.is_empty() || self.alternatives.iter().any(is_met) {
            return None;
        }
        let words = |all: &Vec<Scheme>| {
            all.iter()
                .map(|Scheme { name, carrier }| format!("{} ({name})", carrier.words()))
                .collect::<Vec<_>>()
                .join(" and ")
        };
        let expected = self.alternatives.iter().map(words).collect::<Vec<_>>().join(", or ");
        let actual = match request.headers.get("authorization").map(|value| value.to_str().unwrap_or_default()) {
            // Only the scheme is shown, because the rest is a secret.
            Some(value) => match value.split_once(' ') {
                Some((scheme, _)) => format!("the header authorization with {scheme}"),
                None => "the header authorization without a scheme".to_owned(),
            },
            None => "no credential".to_owned(),
        };
        Some(Breach { pointer: String::new(), expected, actual, place: self.source.clone() })
    }
}

impl Carrier {
    fn parse(scheme: &Part<'_>) -> Result<Self, ContractProblem> {
        let name =
            || scheme.text_of("name").map(str::to_owned).ok_or_else(|| scheme.problem("the scheme has no `name`"));
        match scheme.text_of("type") {
            Some("http") => Ok(Self::Authorization(scheme.text_of("scheme").unwrap_or("bearer").to_ascii_lowercase())),
            Some("oauth2" | "openIdConnect") => Ok(Self::Authorization("bearer".to_owned())),
            Some("apiKey") => match scheme.text_of("in") {
                Some("header") => Ok(Self::Header(name()?)),
                Some("query") => Ok(Self::Query(name()?)),
                Some("cookie") => Ok(Self::Cookie(name()?)),
                _ => Err(scheme.problem("`in` of an API key is header, query or cookie")),
            },
            Some("mutualTLS") => Ok(Self::Elsewhere),
            other => Err(scheme.problem(format!("the type of the security scheme is {}", other.unwrap_or("missing")))),
        }
    }

    fn is_in(&self, request: &RequestView<'_>) -> bool {
        match self {
            Self::Authorization(wanted) => request.headers.get_all("authorization").iter().any(|value| {
                let scheme = value.to_str().ok().and_then(|value| value.split_once(' '));
                scheme.is_some_and(|(scheme, rest)| scheme.eq_ignore_ascii_case(wanted) && !rest.trim().is_empty())
            }),
            Self::Header(name) => request.headers.get(name).is_some_and(|value| !value.is_empty()),
            Self::Query(wanted) => {
                request.query.iter().any(|(name, value)| decoded(name) == *wanted && !value.is_empty())
            }
            Self::Cookie(wanted) => request.cookies.iter().any(|(name, value)| name == wanted && !value.is_empty()),
            Self::Elsewhere => true,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Authorization(scheme) => format!("the header authorization with {scheme}"),
            Self::Header(name) => format!("the header {name}"),
            Self::Query(name) => format!("the query parameter {name}"),
            Self::Cookie(name) => format!("the cookie {name}"),
            Self::Elsewhere => "a certificate of the client".to_owned(),
        }
    }
}

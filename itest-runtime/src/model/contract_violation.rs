//! Where an exchange or a message breaks a contract.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One place where an exchange or a message breaks a contract. The texts contain no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractViolation {
    /// The operation of the contract: `POST /charge (createCharge)`. Empty if the contract has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operation: String,
    /// The part of the exchange: `body of the request`.
    pub part: String,
    /// The JSON pointer to the wrong value in the part. Empty for the whole part.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pointer: String,
    /// What the contract allows.
    pub expected: String,
    /// What the exchange has.
    pub actual: String,
    /// The line of the contract: `contracts/payments.yaml:41`.
    pub contract: String,
}

impl fmt::Display for ContractViolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, part, pointer, expected, actual, contract } = self;
        formatter.write_str(part)?;
        if !pointer.is_empty() {
            write!(formatter, ", at {pointer}")?;
        }
        if !operation.is_empty() {
            write!(formatter, ", by {operation}")?;
        }
        write!(formatter, "\n    expected: {expected}\n    actual:   {actual}\n    contract: {contract}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violation_survives_the_record_and_unknown_fields_are_ignored() {
        let violation = ContractViolation {
            operation: String::new(),
            part: "body of the request".to_owned(),
            pointer: "/amount".to_owned(),
            expected: "integer".to_owned(),
            actual: "\"25\"".to_owned(),
            contract: "contracts/payments.yaml:41".to_owned(),
        };
        let mut written = serde_json::to_value(&violation).unwrap();
        written["severity"] = "new".into();
        assert_eq!(serde_json::from_value::<ContractViolation>(written).unwrap(), violation);
        assert_eq!(
            violation.to_string(),
            "body of the request, at /amount\n    expected: integer\n    actual:   \"25\"\n    contract: contracts/payments.yaml:41"
        );
    }
}

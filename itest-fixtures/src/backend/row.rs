//! A row of a seed, and what a database has to say of it.

/// A column as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as the database writes it.
    pub kind: String,
}

/// A value that stands in a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON's `null`, or an empty field of a CSV file.
    Null,
    /// JSON's `true` and `false`.
    Bool(bool),
    /// A number of JSON, as it is written: no digit gets lost.
    Number(String),
    /// A text of JSON.
    Text(String),
    /// A list or an object of JSON, as it is written.
    Json(String),
    /// A field of a CSV file: what it means depends on its column.
    Field(String),
}

impl Value {
    /// As it stands in a message, shortened.
    #[must_use]
    pub fn shown(&self) -> String {
        const LONGEST: usize = 40;
        let (text, quote) = match self {
            Self::Null => return "NULL".to_owned(),
            Self::Bool(value) => return value.to_string(),
            Self::Number(text) | Self::Json(text) => (text, ""),
            Self::Text(text) | Self::Field(text) => (text, "\""),
        };
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{quote}{}…{quote}", &text[..end]),
            None => format!("{quote}{text}{quote}"),
        }
    }
}

/// A row of a seed: its columns and their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// In the order of the file.
    pub cells: Vec<(String, Value)>,
}

impl Row {
    /// Whether both have values for the same columns, in one order.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.cells.len() == other.cells.len()
            && self.cells.iter().zip(&other.cells).all(|(left, right)| left.0 == right.0)
    }

    /// The value of a column.
    #[must_use]
    pub fn value(&self, column: &str) -> Option<&Value> {
        self.cells.iter().find(|(name, _)| name == column).map(|(_, value)| value)
    }
}

/// A row that cannot be added.
#[derive(Debug)]
pub enum RowError {
    /// Its value is not of its column's type, and the database would have taken it in silence.
    Unfit {
        /// The column.
        column: String,
        /// What it takes.
        expected: &'static str,
    },
    /// The database refused it.
    Refused(sqlx::Error),
}

impl From<sqlx::Error> for RowError {
    fn from(error: sqlx::Error) -> Self {
        Self::Refused(error)
    }
}

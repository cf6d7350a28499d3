//! The rows of a seed, and the errors of inserting them.

/// A column of a table, as the catalog describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, in the notation of the database.
    pub kind: String,
}

/// A value in a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON's `null`, or an empty field of a CSV file.
    Null,
    /// JSON's `true` and `false`.
    Bool(bool),
    /// A number of JSON. It is kept as text, so that no digit gets lost.
    Number(String),
    /// A string of JSON.
    Text(String),
    /// A list or an object of JSON, unparsed.
    Json(String),
    /// A field of a CSV file. Its type depends on its column.
    Field(String),
}

impl Value {
    /// The value for a message, truncated if it is long.
    #[must_use]
    pub fn message_text(&self) -> String {
        const MAX_CHARS: usize = 40;
        let (text, quote) = match self {
            Self::Null => return "NULL".to_owned(),
            Self::Bool(value) => return value.to_string(),
            Self::Number(text) | Self::Json(text) => (text, ""),
            Self::Text(text) | Self::Field(text) => (text, "\""),
        };
        match text.char_indices().nth(MAX_CHARS) {
            Some((end, _)) => format!("{quote}{}…{quote}", &text[..end]),
            None => format!("{quote}{text}{quote}"),
        }
    }
}

/// A row of a seed: its columns and their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The columns and values, in the order of the file.
    pub cells: Vec<(String, Value)>,
}

impl Row {
    /// Whether both rows have values for the same columns in the same order.
    #[must_use]
    pub fn has_same_columns(&self, other: &Self) -> bool {
        self.cells.len() == other.cells.len()
            && self.cells.iter().zip(&other.cells).all(|(left, right)| left.0 == right.0)
    }

    /// The value of a column.
    #[must_use]
    pub fn value(&self, column: &str) -> Option<&Value> {
        self.cells.iter().find(|(name, _)| name == column).map(|(_, value)| value)
    }
}

/// The reason why a row cannot be inserted.
#[derive(Debug)]
pub enum RowError {
    /// A value does not have the type of its column, and the database would store it without an error.
    WrongType {
        /// The column.
        column: String,
        /// The values that the column takes.
        expected: &'static str,
    },
    /// The database refused the row.
    Refused(sqlx::Error),
}

impl From<sqlx::Error> for RowError {
    fn from(error: sqlx::Error) -> Self {
        Self::Refused(error)
    }
}

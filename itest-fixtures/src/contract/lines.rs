//! The lines of the source in which the parts of a document begin.

use std::sync::Arc;

use super::pointer;

/// The line of a value, and of its parts. An alias of YAML shares the lines of what it stands for.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    /// The line of the value, counted from 1.
    pub(super) line: u32,
    pub(super) parts: LinesOfParts,
}

/// The lines of the parts of a value.
#[derive(Debug, Clone, Default)]
pub(super) enum LinesOfParts {
    /// The value has no parts.
    #[default]
    None,
    Items(Vec<Arc<Lines>>),
    Members(Vec<Member>),
}

/// A member of a mapping.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    /// The line of the name, counted from 1.
    pub(super) line: u32,
    pub(super) value: Arc<Lines>,
}

impl Lines {
    /// The line of the part at a pointer, which is the line of its name if it is a member. If there is no such part, the line of the
    /// closest part that contains it.
    pub(super) fn at(&self, pointer: &str) -> u32 {
        let (mut lines, mut line) = (self, self.line);
        for name in pointer::names(pointer) {
            match &lines.parts {
                LinesOfParts::Items(items) => {
                    let Some(item) = name.parse().ok().and_then(|position: usize| items.get(position)) else { break };
                    (lines, line) = (item, item.line);
                }
                LinesOfParts::Members(members) => {
                    let Some(member) = members.iter().find(|member| member.name == name) else { break };
                    (lines, line) = (&member.value, member.line);
                }
                LinesOfParts::None => break,
            }
        }
        line
    }
}

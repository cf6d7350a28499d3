//! JSON pointers (RFC 6901).

/// The pointer to a member of what another pointer names.
pub(super) fn member(pointer: &str, name: &str) -> String {
    let mut longer = String::with_capacity(pointer.len() + name.len() + 1);
    longer.push_str(pointer);
    push_member(&mut longer, name);
    longer
}

/// Extends a pointer by the name of a member.
pub(super) fn push_member(pointer: &mut String, name: &str) {
    pointer.push('/');
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The names of a pointer, without their escapes.
pub(super) fn names(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_slashes_and_tildes_are_escaped_and_read_back() {
        let pointer = member(&member("", "/orders/{id}"), "a~b");
        assert_eq!(pointer, "/~1orders~1{id}/a~0b");
        assert_eq!(names(&pointer).collect::<Vec<_>>(), ["/orders/{id}", "a~b"]);
        assert_eq!(names("").count(), 0);
    }
}

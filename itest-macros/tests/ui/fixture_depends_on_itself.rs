use itest::prelude::*;

struct Node;

#[fixture]
fn node(parent: &Node) -> Node {
    let _ = parent;
    Node
}

fn main() {}

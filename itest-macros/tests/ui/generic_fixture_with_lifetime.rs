use itest::prelude::*;

trait Borrows<'a> {}

struct Shop<Db>(Db);

#[fixture]
fn shop<'a, Db: Borrows<'a>>(db: Db, _info: &'a TestInfo) -> Shop<Db> {
    Shop(db)
}

fn main() {}

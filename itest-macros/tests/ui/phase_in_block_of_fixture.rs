use itest::prelude::*;

struct Database;

#[fixture]
async fn database() -> Result<Database> {
    {
        #[arrange]
        let _url = "sqlite::memory:";
    }
    Ok(Database)
}

fn main() {}

//! After every generated history, the next test gets an empty bucket: 400 histories.

use itest::TestInfo;
use itest::prelude::*;
use itest::s3::Bucket;

use crate::client::SigningClient;
use crate::uploads::begin_upload;

/// `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % end
    }
}

/// The action of a number. Many of them fail, and that is allowed.
async fn act(action: u64, key: &str, client: &SigningClient, bucket: &Bucket) -> Result<()> {
    let signed = Some(&client.credentials);
    match action {
        0 => drop(client.put(key, "of a client").await?),
        1 => bucket.put(key, "of the test").await?,
        2 => drop(client.send(&client.bucket.delete_object(signed, key), "").await?),
        3 => drop(begin_upload(client, key, "of an upload").await?),
        4 => drop(client.send(&client.bucket.create_bucket(&client.credentials), "").await?),
        5 => drop(client.send(&client.bucket.delete_bucket(&client.credentials), "").await?),
        6 => {
            let headers = [("x-amz-copy-source", format!("/{}/{key}", bucket.name()))];
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            drop(client.send_with(&client.bucket.put_object(signed, "copy"), &headers, "").await?);
        }
        _ => {
            // A client that outlives its test.
            let put = client.bucket.put_object(signed, key);
            let url = rusty_s3::S3Action::sign(&put, std::time::Duration::from_mins(1));
            tokio::spawn(async move {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                let _ = reqwest::Client::new().put(url).body("late").send().await;
            });
        }
    }
    Ok(())
}

#[integration_test(tags("histories"))]
async fn bucket_is_empty_after_any_history(
    #[values(0, 1, 2, 3)] hundreds: u64,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] tens: u64,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] ones: u64,
    bucket: &Bucket,
    info: &TestInfo,
) -> Result<()> {
    bucket.allow_unfinished_uploads();
    assert!(bucket.keys().await?.is_empty(), "{bucket:?} contains {:?}", bucket.keys().await?);
    let client = SigningClient::new(bucket)?;
    let uploads = client.bucket.list_parts(Some(&client.credentials), "a", "none");
    assert_eq!(client.send(&uploads, "").await?.status(), 404);
    let mut random = Random(info.seed().0 ^ (100 * hundreds + 10 * tens + ones).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for _ in 0..=random.below(5) {
        let key = ["a", "b/c", "ü +"][usize::try_from(random.below(3))?];
        // An action may fail, for example after the bucket was deleted.
        let _ = act(random.below(8), key, &client, bucket).await;
    }
    Ok(())
}

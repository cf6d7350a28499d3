//! Operations on buckets.

use s3s::S3Result;
use s3s::dto::{
    Bucket, CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput, GetBucketLocationInput,
    GetBucketLocationOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput, Owner,
};

use super::imitation::Imitation;

/// The owner of everything on the server.
pub(super) fn owner() -> Owner {
    Owner { display_name: Some("itest".to_owned()), id: Some("itest".to_owned()) }
}

/// Makes a bucket.
pub(super) fn create(s3: &Imitation, input: &CreateBucketInput) -> S3Result<CreateBucketOutput> {
    s3.contents().create_bucket(&input.bucket)?;
    Ok(CreateBucketOutput { location: Some(format!("/{}", input.bucket)) })
}

/// Checks that a bucket exists.
pub(super) fn head(s3: &Imitation, input: &HeadBucketInput) -> S3Result<HeadBucketOutput> {
    s3.contents().bucket(&input.bucket)?;
    Ok(HeadBucketOutput::default())
}

/// Deletes an empty bucket.
pub(super) fn delete(s3: &Imitation, input: &DeleteBucketInput) -> S3Result<DeleteBucketOutput> {
    s3.contents().delete_bucket(&input.bucket)?;
    Ok(DeleteBucketOutput::default())
}

/// The region of a bucket: the default one, which has no name.
pub(super) fn location(s3: &Imitation, input: &GetBucketLocationInput) -> S3Result<GetBucketLocationOutput> {
    s3.contents().bucket(&input.bucket)?;
    Ok(GetBucketLocationOutput::default())
}

/// Lists the buckets of the server.
pub(super) fn list(s3: &Imitation, input: ListBucketsInput) -> ListBucketsOutput {
    let prefix = input.prefix.unwrap_or_default();
    let contents = s3.contents();
    let selected = contents.buckets().filter(|(name, _)| name.starts_with(&prefix));
    let buckets = selected.map(|(name, bucket)| Bucket {
        creation_date: Some(bucket.created.clone()),
        name: Some(name.to_owned()),
        ..Bucket::default()
    });
    let buckets = Some(buckets.collect());
    ListBucketsOutput { buckets, owner: Some(owner()), ..ListBucketsOutput::default() }
}

//! The SDK of AWS for Python, as a judge of the server in process: each script asserts what S3 itself answers.

use itest::prelude::*;
use itest::s3::{Bucket, NewObject};

use crate::python;

/// Runs a script with the SDK.
async fn run(script: &str, bucket: &Bucket) -> Result<String> {
    python::require("boto3", "python3 -m venv DIR && DIR/bin/pip install boto3");
    let preamble = "import boto3, hashlib, sys, urllib.request\n\
                    from botocore.config import Config\n\
                    from botocore.exceptions import ClientError\n\
                    bucket = sys.argv[1]\n\
                    s3 = boto3.client('s3', config=Config(retries={'total_max_attempts': 1}))\n\
                    def code(call, **arguments):\n    \
                        try: call(**arguments)\n    \
                        except ClientError as error: return error.response['Error']['Code']\n    \
                        return None\n";
    python::run(&format!("{preamble}{script}"), bucket).await
}

#[integration_test]
async fn objects_of_boto3_are_stored_read_and_deleted(bucket: &Bucket) -> Result<()> {
    #[arrange]
    let from_test = NewObject::new("from the test").content_type("text/plain").metadata("author", "ada");
    bucket.put("from test", from_test).await?;

    #[act]
    run(
        r#"
read = s3.get_object(Bucket=bucket, Key="from test")
assert read["Body"].read() == b"from the test" and read["ContentType"] == "text/plain", read
assert read["Metadata"] == {"author": "ada"}, read
stored = s3.put_object(Bucket=bucket, Key="a/b c+\u00fc&<.txt", Body=b"hello", ContentType="text/x", Metadata={"colour": "red"})
assert stored["ETag"] == '"' + hashlib.md5(b"hello").hexdigest() + '"', stored
head = s3.head_object(Bucket=bucket, Key="a/b c+\u00fc&<.txt")
assert head["ContentLength"] == 5 and head["Metadata"] == {"colour": "red"}, head
part = s3.get_object(Bucket=bucket, Key="a/b c+\u00fc&<.txt", Range="bytes=1-3")
assert part["Body"].read() == b"ell" and part["ContentRange"] == "bytes 1-3/5", part
assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
assert code(s3.get_object, Bucket=bucket, Key="a/b c+\u00fc&<.txt", Range="bytes=9-") == "InvalidRange"
assert code(s3.get_object, Bucket=bucket, Key="none") == "NoSuchKey"
assert code(s3.head_object, Bucket=bucket, Key="none") == "404"
assert code(s3.get_object, Bucket="itest-none", Key="none") == "NoSuchBucket"
s3.put_object(Bucket=bucket, Key="gone", Body=b"")
s3.delete_object(Bucket=bucket, Key="gone")
s3.delete_object(Bucket=bucket, Key="gone")
"#,
        bucket,
    )
    .await?;

    #[assert]
    assert_eq!(bucket.keys().await?, ["a/b c+ü&<.txt", "from test"]);
    let object = bucket.get("a/b c+ü&<.txt").await?;
    object.assert_text("hello").assert_content_type("text/x").assert_metadata("colour", "red");
    Ok(())
}

#[integration_test]
async fn conditions_of_boto3_are_checked(bucket: &Bucket) -> Result<()> {
    run(
        r#"
etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfMatch='"0"') == "PreconditionFailed"
assert code(s3.put_object, Bucket=bucket, Key="none", Body=b"2", IfMatch=etag) == "NoSuchKey"
s3.put_object(Bucket=bucket, Key="new", Body=b"2", IfNoneMatch="*")
assert code(s3.get_object, Bucket=bucket, Key="k", IfMatch='"0"') == "PreconditionFailed"
assert code(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag) == "304"
modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
assert code(s3.get_object, Bucket=bucket, Key="k", IfModifiedSince=modified) == "304"
assert s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=modified)["Body"].read() == b"1"
s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
"#,
        bucket,
    )
    .await?;
    bucket.get("k").await?.assert_text("3");
    Ok(())
}

#[integration_test]
async fn lists_of_boto3_have_prefixes_delimiters_and_pages(bucket: &Bucket) -> Result<()> {
    for number in 0..25 {
        bucket.put(&format!("photos/{:02}/ü {number}.jpg", number % 5), "x").await?;
    }
    bucket.put("index +.html", "x").await?;
    run(
        r#"
top = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
assert [o["Key"] for o in top["Contents"]] == ["index +.html"], top
assert [p["Prefix"] for p in top["CommonPrefixes"]] == ["photos/"], top
assert top["KeyCount"] == 2 and not top["IsTruncated"], top
for operation in ("list_objects_v2", "list_objects"):
    pages = list(s3.get_paginator(operation).paginate(Bucket=bucket, Prefix="photos/", PaginationConfig={"PageSize": 4}))
    keys = [o["Key"] for page in pages for o in page["Contents"]]
    assert len(pages) == 7 and len(keys) == 25 and keys == sorted(keys), (operation, len(pages), keys)
    pages = s3.get_paginator(operation).paginate(Bucket=bucket, Prefix="photos/", Delimiter="/", PaginationConfig={"PageSize": 2})
    prefixes = [p["Prefix"] for page in pages for p in page["CommonPrefixes"]]
    assert prefixes == [f"photos/{n:02}/" for n in range(5)], (operation, prefixes)
after = s3.list_objects_v2(Bucket=bucket, StartAfter="photos/04/")
assert after["KeyCount"] == 5 and after["Contents"][0]["Size"] == 1, after
assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0
assert code(s3.list_objects_v2, Bucket=bucket, ContinuationToken="nonsense!") == "InvalidArgument"
"#,
        bucket,
    )
    .await?;
    Ok(())
}

#[integration_test]
async fn multipart_uploads_of_boto3_become_objects(bucket: &Bucket) -> Result<()> {
    run(
        r#"
from boto3.s3.transfer import TransferConfig
import io
body = bytes(range(256)) * 4096 * 11
s3.upload_fileobj(io.BytesIO(body), bucket, "large", ExtraArgs={"Metadata": {"a": "b"}}, Config=TransferConfig(multipart_chunksize=5 * 1024 * 1024, multipart_threshold=1))
head = s3.head_object(Bucket=bucket, Key="large")
assert head["ContentLength"] == len(body) and head["ETag"].endswith('-3"') and head["Metadata"] == {"a": "b"}, head
parts = [hashlib.md5(body[i:i + 5 * 1024 * 1024]).digest() for i in range(0, len(body), 5 * 1024 * 1024)]
assert head["ETag"] == '"' + hashlib.md5(b"".join(parts)).hexdigest() + '-3"', head
assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == body

upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
first = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"small")["ETag"]
copied = s3.upload_part_copy(Bucket=bucket, Key="k", UploadId=upload, PartNumber=2, CopySource={"Bucket": bucket, "Key": "large"}, CopySourceRange="bytes=0-9")
listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
assert [(p["PartNumber"], p["Size"]) for p in listed["Parts"]] == [(1, 5), (2, 10)], listed
assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
both = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": copied["CopyPartResult"]["ETag"]}]
complete = lambda parts: code(s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
assert complete(both) == "EntityTooSmall"
assert complete(both[::-1]) == "InvalidPartOrder"
assert complete([{"PartNumber": 3, "ETag": first}]) == "InvalidPart"
assert complete([{"PartNumber": 1, "ETag": '"0"'}]) == "InvalidPart"
assert complete(both[1:]) is None
assert complete(both[1:]) == "NoSuchUpload"
assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body[:10]

upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
assert code(s3.upload_part, Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x") == "NoSuchUpload"
"#,
        bucket,
    )
    .await?;
    Ok(())
}

#[integration_test]
async fn copies_tags_and_many_deletions_of_boto3_work(bucket: &Bucket) -> Result<()> {
    run(
        r#"
s3.put_object(Bucket=bucket, Key="a b+", Body=b"1", Metadata={"m": "1"}, Tagging="t=1&u=2")
source = {"Bucket": bucket, "Key": "a b+"}
s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"m": "1"}
s3.copy_object(Bucket=bucket, Key="replaced", CopySource=source, MetadataDirective="REPLACE", ContentType="text/x")
replaced = s3.head_object(Bucket=bucket, Key="replaced")
assert replaced["Metadata"] == {} and replaced["ContentType"] == "text/x", replaced
assert code(s3.copy_object, Bucket=bucket, Key="a b+", CopySource=source) == "InvalidRequest"
assert code(s3.copy_object, Bucket=bucket, Key="x", CopySource={"Bucket": bucket, "Key": "none"}) == "NoSuchKey"
tags = lambda key: {t["Key"]: t["Value"] for t in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}
assert tags("copy") == {"t": "1", "u": "2"}
s3.put_object_tagging(Bucket=bucket, Key="copy", Tagging={"TagSet": [{"Key": "v", "Value": "3"}]})
assert tags("copy") == {"v": "3"} and tags("a b+") == {"t": "1", "u": "2"}
s3.delete_object_tagging(Bucket=bucket, Key="copy")
assert tags("copy") == {}
deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a b+"}, {"Key": "none"}]})
assert [d["Key"] for d in deleted["Deleted"]] == ["a b+", "none"] and "Errors" not in deleted, deleted
"#,
        bucket,
    )
    .await?;
    assert_eq!(bucket.keys().await?, ["copy", "replaced"]);
    Ok(())
}

#[integration_test]
async fn buckets_of_boto3_are_made_listed_and_deleted(bucket: &Bucket) -> Result<()> {
    run(
        r#"
s3.create_bucket(Bucket="archive")
assert code(s3.create_bucket, Bucket="archive") == "BucketAlreadyOwnedByYou"
assert sorted(b["Name"] for b in s3.list_buckets()["Buckets"]) == sorted(["archive", bucket])
s3.head_bucket(Bucket="archive")
s3.put_object(Bucket="archive", Key="k", Body=b"x")
assert code(s3.delete_bucket, Bucket="archive") == "BucketNotEmpty"
s3.delete_object(Bucket="archive", Key="k")
s3.delete_bucket(Bucket="archive")
assert code(s3.head_bucket, Bucket="archive") == "404"
assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
"#,
        bucket,
    )
    .await?;
    Ok(())
}

#[integration_test]
async fn presigned_urls_of_boto3_work_until_they_expire(bucket: &Bucket) -> Result<()> {
    run(
        r#"
import time, urllib.error
put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b"}, ExpiresIn=60)
urllib.request.urlopen(urllib.request.Request(put, data=b"hello", method="PUT", headers={"Content-Type": ""}))
get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b", "ResponseContentType": "text/x"}, ExpiresIn=60)
answer = urllib.request.urlopen(get)
assert answer.read() == b"hello" and answer.headers["Content-Type"] == "text/x", answer.headers
expired = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b"}, ExpiresIn=1)
time.sleep(2)
try:
    urllib.request.urlopen(expired)
    assert False, "the URL has expired"
except urllib.error.HTTPError as error:
    assert error.code == 403 and b"expired" in error.read(), error
post = s3.generate_presigned_post(bucket, "form", ExpiresIn=60)
boundary = "b0undary"
fields = {**post["fields"], "file": "posted"}
body = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{n}"' + ('; filename="f"' if n == "file" else "") + f"\r\n\r\n{v}\r\n" for n, v in fields.items()) + f"--{boundary}--\r\n"
urllib.request.urlopen(urllib.request.Request(post["url"], data=body.encode(), headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}))
"#,
        bucket,
    )
    .await?;
    bucket.get("a b").await?.assert_text("hello");
    bucket.get("form").await?.assert_text("posted");
    Ok(())
}

#[integration_test]
async fn checksums_of_boto3_are_verified(bucket: &Bucket) -> Result<()> {
    bucket.lenient();
    run(
        r#"
import base64, zlib
for algorithm in ("CRC32", "SHA1", "SHA256"):
    stored = s3.put_object(Bucket=bucket, Key=algorithm, Body=b"hello", ChecksumAlgorithm=algorithm)
    head = s3.head_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
    assert head["Checksum" + algorithm] == stored["Checksum" + algorithm], (algorithm, head)
assert s3.head_object(Bucket=bucket, Key="CRC32", ChecksumMode="ENABLED")["ChecksumCRC32"] == base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
assert code(s3.put_object, Bucket=bucket, Key="wrong", Body=b"hello", ChecksumCRC32="AAAAAA==") == "BadDigest"
"#,
        bucket,
    )
    .await?;
    assert_eq!(bucket.keys().await?, ["CRC32", "SHA1", "SHA256"]);
    Ok(())
}

#[integration_test]
async fn options_that_are_not_implemented_are_refused_and_not_ignored(bucket: &Bucket) -> Result<()> {
    bucket.lenient();
    bucket.put("k", "before").await?;
    run(
        r#"
refused = lambda call, **arguments: code(call, Bucket=bucket, Key="k", **arguments) == "NotImplemented"
assert refused(s3.put_object, Body=b"x", ObjectLockLegalHoldStatus="ON")
assert refused(s3.put_object, Body=b"x", WebsiteRedirectLocation="/other")
assert refused(s3.get_object, VersionId="1") and refused(s3.get_object, PartNumber=1)
assert refused(s3.delete_object, VersionId="1") and refused(s3.delete_object, IfMatch='"0"')
assert refused(s3.get_object_acl) and refused(s3.get_object_attributes, ObjectAttributes=["ETag"])
assert code(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}) == "NotImplemented"
assert code(s3.list_object_versions, Bucket=bucket) == "NotImplemented"
"#,
        bucket,
    )
    .await?;
    bucket.get("k").await?.assert_text("before");
    Ok(())
}

/// Signs and sends an upload in chunks, whose checksum follows the body. boto3 itself does this only over TLS.
const CHUNKED: &str = r#"
import io, os, http.client
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
def put_chunked(key, body, change=lambda chunks: chunks):
    wrapper = AwsChunkedWrapper(io.BytesIO(body), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=65536)
    chunks = change(wrapper.read())
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    headers = {"Content-Encoding": "aws-chunked", "X-Amz-Trailer": "x-amz-checksum-crc32", "X-Amz-Decoded-Content-Length": str(len(body)), "Content-Length": str(len(chunks))}
    request = AWSRequest(method="PUT", url=f"{endpoint}/{bucket}/{key}", headers=headers, data=chunks)
    request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    S3SigV4Auth(boto3.Session().get_credentials(), "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"))
    connection.request("PUT", f"/{bucket}/{key}", chunks, dict(request.headers))
    answer = connection.getresponse()
    return answer.status, answer.read().decode()
"#;

#[integration_test]
async fn upload_in_chunks_is_stored_and_its_checksum_is_verified(bucket: &Bucket) -> Result<()> {
    bucket.lenient();
    let script = r#"
body = b"a" * 100000 + b"b" * 70000
status, answer = put_chunked("stream", body)
assert status == 200, answer
for name, change, expected in (
    ("wrong", lambda chunks: chunks.replace(b"ab", b"ba"), "BadDigest"),
    ("cut", lambda chunks: chunks[:80000], "IncompleteBody"),
    ("format", lambda chunks: b"zz" + chunks, "IncompleteBody"),
):
    status, answer = put_chunked(name, body, change)
    assert status == 400 and f"<Code>{expected}</Code>" in answer, (name, status, answer)
"#;
    run(&format!("{CHUNKED}{script}"), bucket).await?;
    assert_eq!(bucket.keys().await?, ["stream"]);
    let object = bucket.get("stream").await?;
    assert_eq!((object.bytes().len(), &object.bytes()[99_999..100_001]), (170_000, &b"ab"[..]));
    Ok(())
}

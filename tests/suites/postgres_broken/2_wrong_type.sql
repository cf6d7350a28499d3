CREATE TABLE fine (id int);

CREATE TABLE wrong (
    id intt
);

using System.Text;
using CsCheck;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Data.Tests.Sources;

public sealed class DocumentDigestTests
{
    [Fact]
    public void Names_and_pieces_change_nothing_and_the_archive_gives_the_same()
    {
        Gen.Select(Gen.Bool, Gen.Int[0, 40_000], Gen.Int[1, 9_000], Gen.Bool).Array[1, 4].Sample(
            documents =>
            {
                using var whole = new DocumentDigest();
                using var archive = new MemoryStream();
                var writer = new DatasetUploadWriter(archive, Gpt2Vocabulary.BuiltIn);
                using var pieces = new DocumentDigest(writer);
                foreach (var (isText, length, piece, ends) in documents)
                {
                    Feed(whole, "one", isText, length, Math.Max(1, length), ends);
                    Feed(pieces, "another", isText, length, piece, ends);
                }

                writer.Complete();
                archive.Position = 0;
                using var sent = new DocumentDigest();
                DatasetUploadReader.Read(archive, _ => sent);
                Assert.Equal(whole.Sha256, pieces.Sha256);
                Assert.Equal(whole.Sha256, sent.Sha256);
            },
            iter: 50,
            threads: 1);
    }

    [Fact]
    public void Where_documents_end_and_how_is_part_of_it()
    {
        string[] digests =
        [
            Of(),
            Of("ab"),
            Of("a", "b"),
            Of("", "ab"),
            Of("ab", ""),
            Of("ab "),
            Of(digest => Feed(digest, "x", isText: true, 2, 2, ends: true)),
            Of(digest => Feed(digest, "x", isText: false, 2, 2, ends: false)),
            Of(digest =>
            {
                digest.BeginDocument("x");
                digest.Tokens([1]);
                digest.EndArray();
                digest.Tokens([1]);
                digest.EndArray();
                digest.EndDocument();
            }),
        ];
        Assert.Equal(digests.Length, digests.Distinct().Count());
    }

    [Fact]
    public void What_came_since_a_state_is_forgotten()
    {
        var gone = Of(digest =>
        {
            Feed(digest, "a", isText: true, 3, 3, ends: false);
            var state = digest.State;
            Feed(digest, "b", isText: true, 4, 4, ends: false);
            digest.BeginDocument("c");
            digest.Text("cut"u8);
            digest.GoBackTo(state);
            Feed(digest, "d", isText: true, 5, 5, ends: false);
        });
        var never = Of(digest =>
        {
            Feed(digest, "a", isText: true, 3, 3, ends: false);
            Feed(digest, "d", isText: true, 5, 5, ends: false);
        });
        Assert.Equal(never, gone);
    }

    [Fact]
    public void A_file_that_is_left_out_leaves_nothing_behind()
    {
        using var folder = new TemporaryFolder();
        folder.Write("texts/a.txt", "One.");
        folder.Write("texts/c.txt", "Three.");
        var without = Checked(folder);
        folder.Write("texts/b.txt", [.. Encoding.UTF8.GetBytes(new string('x', 100_000)), 0, 0, 0]);
        Assert.Equal(without, Checked(folder));
        folder.Write("texts/b.txt", "Two.");
        Assert.NotEqual(without, Checked(folder));
    }

    private static string Checked(TemporaryFolder folder)
    {
        using var source = DatasetSource.Open(folder.File("texts"), new SourceOptions { Warn = _ => { } });
        Assert.Null(source.ContentSha256);
        source.Validate();
        return source.ContentSha256!;
    }

    private static string Of(params string[] texts) => Of(digest =>
    {
        foreach (var text in texts)
        {
            digest.BeginDocument("a text");
            digest.Text(Encoding.UTF8.GetBytes(text));
            digest.EndDocument();
        }
    });

    private static string Of(Action<DocumentDigest> feed)
    {
        using var digest = new DocumentDigest();
        feed(digest);
        return digest.Sha256;
    }

    // Of letters, or of as many tokens.
    private static void Feed(DocumentDigest sink, string name, bool isText, int length, int pieceLength, bool ends)
    {
        sink.BeginDocument(name);
        for (var start = 0; start < length; start += pieceLength)
        {
            var count = Math.Min(pieceLength, length - start);
            if (isText)
                sink.Text(Encoding.UTF8.GetBytes(new string('t', count)));
            else
                sink.Tokens([.. Enumerable.Repeat((ushort)7, count)]);
        }

        if (!isText)
            sink.EndArray();
        else if (ends)
            sink.EndOfText();
        sink.EndDocument();
    }
}

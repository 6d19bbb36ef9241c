using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Uploads;

/// <summary>
/// Reads the archive that <see cref="DatasetUploadWriter"/> writes and passes its documents on. Holds one member at
/// most. Everything is checked: an archive is what a client says.
/// </summary>
public sealed partial class DatasetUploadReader
{
    private readonly IDocumentSink sink;
    private readonly byte[] content = new byte[DatasetUploadWriter.LongestMemberBytes];
    private long document = -1;
    private long array;
    private long part;
    private bool isOpen;
    private bool hasTokens;
    private bool isEnded;

    private DatasetUploadReader(IDocumentSink sink) => this.sink = sink;

    /// <summary>Passes on a whole archive.</summary>
    /// <param name="archive">The archive, from its beginning; must be able to seek.</param>
    /// <param name="sink">Takes the documents.</param>
    /// <param name="afterMember">Called behind each member.</param>
    /// <exception cref="InvalidDataException">It is no such archive, or cut short.</exception>
    public static void Read(Stream archive, IDocumentSink sink, Action? afterMember = null)
    {
        ArgumentNullException.ThrowIfNull(archive);
        ArgumentNullException.ThrowIfNull(sink);
        var documents = new DatasetUploadReader(sink);
        using var reader = new ArchiveReader(archive, UploadArchive.Dataset);
        while (reader.Next() is { } member)
        {
            documents.Take(member);
            afterMember?.Invoke();
        }

        documents.EndDocument();
    }

    private void Take(ArchiveMember member)
    {
        var match = MemberName().Match(member.Name);
        if (!match.Success)
            throw new InvalidDataException($"it has {member.Name}, which is no part of a dataset");
        if (member.Length > content.Length)
            throw new InvalidDataException($"{member.Name} has {member.Length} bytes, {content.Length} are the most");
        var bytes = content.AsSpan(0, (int)member.Length);
        member.Content.ReadExactly(bytes);
        if (match.Groups["lines"].Success)
            TakeLines(member.Name, Number(match, "lines"), bytes);
        else
            TakePart(member.Name, match, bytes);
    }

    private void TakeLines(string name, long index, ReadOnlySpan<byte> bytes)
    {
        EndDocument();
        Expect(index > document, name);
        document = index;
        var lines = new JsonLinesReader(name, sink);
        try
        {
            lines.Append(bytes);
            lines.Finish();
        }
        catch (UserErrorException problem)
        {
            throw new InvalidDataException(problem.Message.TrimEnd('.'), problem);
        }
    }

    // Parts of a document stand together and in order: the next part of an array, or the first of the next one.
    private void TakePart(string name, Match match, ReadOnlySpan<byte> bytes)
    {
        var (owner, at) = (Number(match, "document"), Number(match, "part"));
        var inArray = match.Groups["array"].Success;
        if (!isOpen || owner != document)
        {
            EndDocument();
            Expect(owner > document, name);
            (document, array, part, isOpen, hasTokens, isEnded) = (owner, 0, 0, true, inArray, false);
            sink.BeginDocument(name);
        }
        else if (hasTokens && Number(match, "array") == array + 1)
        {
            sink.EndArray();
            (array, part) = (array + 1, 0);
        }

        var isEnd = match.Groups["end"].Success;
        Expect(!isEnded && (!isEnd || bytes.IsEmpty), name);
        isEnded = isEnd;
        Expect(inArray == hasTokens && at == part && (!inArray || Number(match, "array") == array), name);
        part++;
        if (inArray)
            TakeTokens(bytes);
        else if (isEnd)
            sink.EndOfText();
        else
            sink.Text(bytes);
    }

    private void EndDocument()
    {
        if (!isOpen)
            return;
        if (hasTokens)
            sink.EndArray();
        sink.EndDocument();
        isOpen = false;
    }

    private void TakeTokens(ReadOnlySpan<byte> bytes)
    {
        var tokens = MemoryMarshal.Cast<byte, ushort>(bytes);
        const ushort Last = Gpt2Vocabulary.EndOfText;
        if (bytes.Length % sizeof(ushort) != 0 || tokens.ContainsAnyExceptInRange((ushort)0, Last))
            throw new InvalidDataException("it has a number that is no token");
        sink.Tokens(tokens);
    }

    private static long Number(Match match, string group) =>
        match.Groups[group] is { Success: true } found ? long.Parse(found.ValueSpan, CultureInfo.InvariantCulture) : -1;

    private static void Expect(bool isInOrder, string name)
    {
        if (!isInOrder)
            throw new InvalidDataException($"{name} stands where it may not be");
    }

    [GeneratedRegex(@"\A(?:(?<lines>[0-9]{1,18})\.jsonl"
        + @"|(?<document>[0-9]{1,18})/(?:(?<part>[0-9]{1,9})\.(?:txt|(?<end>end))"
        + @"|(?<array>[0-9]{1,9})-(?<part>[0-9]{1,9})\.u16))\z")]
    private static partial Regex MemberName();
}

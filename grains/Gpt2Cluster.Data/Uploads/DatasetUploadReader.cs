using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Uploads;

/// <summary>
/// Reads the archive that <see cref="DatasetUploadWriter"/> writes and passes its documents on. Holds one member at
/// most. Everything is checked: an archive is what a client says.
/// </summary>
public sealed partial class DatasetUploadReader
{
    private readonly Func<Gpt2Vocabulary, IDocumentSink> begin;
    private readonly byte[] content = new byte[DatasetUploadWriter.LongestMemberBytes];
    private long document = -1;
    private long array;
    private long part;
    private bool isOpen;
    private bool hasTokens;
    private bool isEnded;
    private IDocumentSink? begun;

    private DatasetUploadReader(Func<Gpt2Vocabulary, IDocumentSink> begin) => this.begin = begin;

    private IDocumentSink Sink => begun ??= begin(Gpt2Vocabulary.BuiltIn);

    /// <summary>Passes on a whole archive.</summary>
    /// <param name="archive">The archive, from its beginning; must be able to seek.</param>
    /// <param name="begin">Asked once for what takes the documents, when their vocabulary is known.</param>
    /// <param name="afterMember">Called behind each member.</param>
    /// <exception cref="InvalidDataException">It is no such archive, or cut short.</exception>
    public static void Read(
        Stream archive, Func<Gpt2Vocabulary, IDocumentSink> begin, Action? afterMember = null)
    {
        ArgumentNullException.ThrowIfNull(archive);
        ArgumentNullException.ThrowIfNull(begin);
        var documents = new DatasetUploadReader(begin);
        using var reader = new ArchiveReader(archive, UploadArchive.Dataset);
        while (reader.Next() is { } member)
        {
            documents.Take(member);
            afterMember?.Invoke();
        }

        documents.EndDocument();
        _ = documents.Sink;
    }

    private void Take(ArchiveMember member)
    {
        if (member.Name == VocabularyDirectory.FileName)
        {
            TakeVocabulary(member);
            return;
        }

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

    private void TakeVocabulary(ArchiveMember member)
    {
        Expect(begun is null, member.Name);
        if (member.Length > VocabularyDirectory.LongestBytes)
            throw new InvalidDataException($"its vocabulary has {member.Length} bytes");
        var bytes = new byte[member.Length];
        member.Content.ReadExactly(bytes);
        begun = begin(VocabularyDirectory.Read(bytes, "its vocabulary"));
    }

    private void TakeLines(string name, long index, ReadOnlySpan<byte> bytes)
    {
        EndDocument();
        Expect(index > document, name);
        document = index;
        var lines = new JsonLinesReader(name, Sink);
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
            Sink.BeginDocument(name);
        }
        else if (hasTokens && Number(match, "array") == array + 1)
        {
            Sink.EndArray();
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
            Sink.EndOfText();
        else
            Sink.Text(bytes);
    }

    private void EndDocument()
    {
        if (!isOpen)
            return;
        if (hasTokens)
            Sink.EndArray();
        Sink.EndDocument();
        isOpen = false;
    }

    private void TakeTokens(ReadOnlySpan<byte> bytes)
    {
        var tokens = MemoryMarshal.Cast<byte, ushort>(bytes);
        if (bytes.Length % sizeof(ushort) != 0)
            throw new InvalidDataException("it has half a token");
        Sink.Tokens(tokens);
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

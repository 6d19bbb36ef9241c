using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Retries;
using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>
/// One file of the hub: fetched into <c>NAME.part</c>, with its ETag in <c>NAME.etag</c>, so that a later attempt
/// asks for the missing bytes only (RFC 9110, Range with If-Range), checked, and then renamed to <c>NAME</c>.
/// </summary>
internal sealed partial class HubFile(HttpClient http, Uri address, string path, string? token, TimeProvider time)
{
    /// <summary>How often a broken transfer is taken up again without a single new byte in between.</summary>
    public const int FruitlessAttemptLimit = 5;

    /// <summary>How many redirections of one request are followed.</summary>
    public const int RedirectionLimit = 5;

    private const int PieceBytes = 256 << 10;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(60);

    private readonly string part = path + ".part";
    private readonly string tag = path + ".etag";

    private long PartBytes => File.Exists(part) ? new FileInfo(part).Length : 0;

    /// <summary>Fetches the file, unless it is here.</summary>
    /// <exception cref="UserErrorException">The hub cannot be reached, has no such file, or the checksum is
    /// wrong.</exception>
    public async Task FetchAsync(IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        if (!await TryFetchAsync(progress, cancellation))
            throw new UserErrorException($"There is no {address} (404); check the model's name and the hub's address.");
    }

    /// <summary>Fetches the file, unless it is here; false where there is none.</summary>
    /// <exception cref="UserErrorException">The hub cannot be reached, or the checksum is wrong.</exception>
    public async Task<bool> TryFetchAsync(IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        if (File.Exists(path))
            return true;
        var (fruitless, before) = (0, PartBytes);
        var policy = new RetryPolicy(
            new() { Operation = "hub-download", IsTransient = IsWorthRepeating, Pause = Pause }, time);
        try
        {
            return await policy.Run(_ => TransferAsync(progress, cancellation), cancellation);
        }
        catch (Exception error) when (IsTransient(error) && !cancellation.IsCancellationRequested)
        {
            throw Unreachable(error);
        }

        bool IsWorthRepeating(Exception error)
        {
            var now = PartBytes;
            (fruitless, before) = (now > before ? 0 : fruitless + 1, now);
            return IsTransient(error) && fruitless < FruitlessAttemptLimit;
        }
    }

    private static bool IsTransient(Exception error) =>
        error is HttpRequestException { StatusCode: null or >= HttpStatusCode.InternalServerError }
            or IOException or OperationCanceledException;

    private async Task<bool> TransferAsync(IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        using var silence = new CancellationTokenSource(SilenceLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellation);
        var checksums = new List<string>();
        using var response = await SendAsync(checksums, either.Token);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            Forget();
            throw new IOException("the part here does not belong to the hub's file");
        }

        if (response.StatusCode == HttpStatusCode.NotFound)
            return false;
        if ((int)response.StatusCode is >= 300 and < 500)
            throw Refused(response);
        response.EnsureSuccessStatusCode();
        await ReceiveAsync(response, progress, () => silence.CancelAfter(SilenceLimit), either.Token);
        Verify(checksums, WholeMd5(response));
        DurableFiles.PublishFile(part, path);
        File.Delete(tag);
        return true;
    }

    private UserErrorException Refused(HttpResponseMessage response)
    {
        var isSecret = response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;
        var remedy = !isSecret
            ? "check the model's name and the hub's address"
            : token is null
                ? "check the model's name; for one that is not public, put your token into HF_TOKEN"
                : "check the model's name, and whether the token in HF_TOKEN may read it";
        return new UserErrorException(
            $"The hub refused {address}: {(int)response.StatusCode} {response.ReasonPhrase}; {remedy}.");
    }

    // Of an answer with a part, Content-MD5 is the part's; Azure's stores name the whole file's as well.
    private static byte[]? WholeMd5(HttpResponseMessage response)
    {
        if (response.Headers.TryGetValues("x-ms-blob-content-md5", out var values))
        {
            var whole = new byte[MD5.HashSizeInBytes];
            return Convert.TryFromBase64String(values.First(), whole, out var count) && count == whole.Length
                ? whole
                : null;
        }

        return response.StatusCode == HttpStatusCode.OK ? response.Content.Headers.ContentMD5 : null;
    }

    // Redirections are followed here because only the first answer carries X-Linked-Etag.
    private async Task<HttpResponseMessage> SendAsync(List<string> checksums, CancellationToken cancellation)
    {
        var place = address;
        for (var hop = 0; ; hop++)
        {
            using var request = Request(place);
            var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            if (response.Headers.TryGetValues("X-Linked-Etag", out var linked))
                checksums.AddRange(linked);
            if (response.Headers.ETag is { } own)
                checksums.Add(own.Tag);
            if (hop == RedirectionLimit || response.Headers.Location is not { } next
                || (int)response.StatusCode is not (301 or 302 or 303 or 307 or 308))
                return response;
            response.Dispose();
            place = new Uri(place, next);
        }
    }

    private HttpRequestMessage Request(Uri place)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, place);
        // A stored file is compressed already, and ranges count stored bytes.
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        // Stores that the hub sends one on to must not learn who one is there.
        if (token is not null && place.Scheme == address.Scheme && place.Authority == address.Authority)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (PartBytes > 0 && File.Exists(tag)
            && EntityTagHeaderValue.TryParse(File.ReadAllText(tag), out var known) && !known.IsWeak)
        {
            request.Headers.Range = new RangeHeaderValue(PartBytes, null);
            request.Headers.IfRange = new RangeConditionHeaderValue(known);
        }

        return request;
    }

    private async Task ReceiveAsync(
        HttpResponseMessage response, IProgress<HubProgress>? progress, Action heard, CancellationToken cancellation)
    {
        var resumed = response.StatusCode == HttpStatusCode.PartialContent;
        if (resumed && response.Content.Headers.ContentRange?.From != PartBytes)
            throw new IOException("the hub sent another range than was asked for");
        if (!resumed)
        {
            Forget();
            if (response.Headers.ETag is { } entity)
                await File.WriteAllTextAsync(tag, entity.ToString(), cancellation);
        }

        var length = response.Content.Headers.ContentLength;
        var total = length is null ? 0 : PartBytes + length.Value;
        await using var output = new FileStream(part, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        await using var input = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[PieceBytes];
        while (await input.ReadAsync(buffer, cancellation) is > 0 and var count)
        {
            await output.WriteAsync(buffer.AsMemory(0, count), cancellation);
            heard();
            progress?.Report(new HubProgress(Path.GetFileName(path), output.Position, total));
        }

        if (length is not null && output.Position != total)
            throw new IOException($"{output.Position} of {total} bytes came");
    }

    // The hub names large files by their SHA-256; the tags of small ones are something else and say nothing here.
    private void Verify(List<string> checksums, byte[]? md5)
    {
        if (checksums.Select(value => value.Trim('"')).FirstOrDefault(value => Checksum().IsMatch(value)) is { } sha)
            Compare(sha, SHA256.HashData);
        if (md5 is not null)
            Compare(Convert.ToHexString(md5), HashMd5);
    }

    [SuppressMessage(
        "Security", "CA5351:Do Not Use Broken Cryptographic Algorithms",
        Justification = "It is the checksum that the source gives, against damage on the way.")]
    private static byte[] HashMd5(Stream content) => MD5.HashData(content);

    private void Compare(string expected, Func<Stream, byte[]> hash)
    {
        string actual;
        using (var file = File.OpenRead(part))
            actual = Convert.ToHexString(hash(file));
        if (actual.Equals(expected, StringComparison.OrdinalIgnoreCase))
            return;
        Forget();
        throw new UserErrorException($"The checksum of {address} is wrong: {actual.ToLowerInvariant()} came instead of "
            + $"{expected.ToLowerInvariant()}; nothing was kept, try again.");
    }

    private void Forget()
    {
        File.Delete(part);
        File.Delete(tag);
    }

    private UserErrorException Unreachable(Exception cause) =>
        new($"{address} cannot be fetched ({cause.Message}); with no network, bring the model as a folder "
            + "with config.json and model.safetensors and run: model import PATH", cause);

    [GeneratedRegex(@"\A[0-9A-Fa-f]{64}\z")]
    private static partial Regex Checksum();
}

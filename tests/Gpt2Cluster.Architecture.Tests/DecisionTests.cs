using System.Globalization;
using System.Text.RegularExpressions;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>The records of decisions: numbered without gaps, of one form, listed in their index.</summary>
public sealed partial class DecisionTests
{
    private const string Folder = "docs/decisions/";
    private const int MaximumLines = 60;

    private static readonly Page[] Records = [.. Page.Under(Folder).Where(IsRecord)];

    [Fact]
    public void Records_are_numbered_without_gaps() =>
        Assert.Equal(Enumerable.Range(1, Math.Max(Records.Length, 1)), Records.Select(NumberOf));

    [Fact]
    public void A_record_has_its_number_a_date_and_three_parts() =>
        Findings.None(Records
            .Where(record => !Form().IsMatch(record.Text) || Title(record).Number != NumberOf(record))
            .Select(record => record.Path));

    [Fact]
    public void A_record_fits_a_screen_or_two() =>
        Findings.None(Records.Where(record => record.Lines.Length > MaximumLines).Select(record => record.Path));

    [Fact]
    public void The_index_lists_every_record_in_order_under_its_title()
    {
        var expected = Records.Select(record =>
            $"* [{NumberOf(record):0000}]({record.Path[Folder.Length..]}): {Title(record).Text}");
        var index = Page.Of(Folder + "README.md").Lines.Where(line => line.StartsWith("* [", StringComparison.Ordinal));
        Assert.Equal(expected, index);
    }

    /// <summary>Whether a page is a record, and not their index.</summary>
    internal static bool IsRecord(Page page) => FileName().IsMatch(page.Path);

    private static int NumberOf(Page record) => Number(FileName().Match(record.Path).Groups[1].Value);

    private static (int Number, string Text) Title(Page record)
    {
        var title = Heading().Match(record.Text);
        return title.Success ? (Number(title.Groups[1].Value), title.Groups[2].Value) : (0, "");
    }

    private static int Number(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);

    [GeneratedRegex("^docs/decisions/([0-9]{4})-[a-z0-9-]+\\.md$")]
    private static partial Regex FileName();

    [GeneratedRegex(@"\A# ([0-9]{4})\. (.+)\n")]
    private static partial Regex Heading();

    [GeneratedRegex(
        @"\A# [^\n]+\n\n2[0-9]{3}-[0-9]{2}-[0-9]{2}.*?\n## Context\n\n.+?\n## Decision\n\n.+?\n## Consequences\n\n.+\z",
        RegexOptions.Singleline)]
    private static partial Regex Form();
}

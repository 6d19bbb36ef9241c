using System.Text.RegularExpressions;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>
/// Reads the source as a reviewer would: long files, long lines, long methods, words and habits we do not use.
/// </summary>
public sealed partial class TidyTests
{
    private const int MaximumFileLines = 400;
    private const int MaximumLineColumns = 120;
    private const int MaximumMethodLines = 70;

    [Fact]
    public void No_file_is_too_long() =>
        Assert.Empty(Repository.SourceFiles.Where(file => Repository.Lines(file).Length > MaximumFileLines));

    [Fact]
    public void No_line_is_too_long() =>
        Assert.Empty(Findings(line => line.Length > MaximumLineColumns));

    [Fact]
    public void No_method_is_too_long() =>
        Assert.Empty(Repository.SourceFiles.SelectMany(file =>
            MethodLengths(Repository.Lines(file))
                .Where(method => method.Length > MaximumMethodLines)
                .Select(method => $"{file}:{method.FirstLine} is {method.Length} lines")));

    [Fact]
    public void Nothing_is_left_undone_or_hidden() =>
        Assert.Empty(Findings(line => Unwanted().IsMatch(line)));

    /// <summary>
    /// What composes a program chooses the clock; all else is given one, or takes the system's unless it is.
    /// </summary>
    [Fact]
    public void Nothing_takes_the_real_clock_but_what_composes_a_program() =>
        Assert.Empty(Findings(line => RealClock().IsMatch(line))
            .Where(finding => finding.StartsWith("grains/", StringComparison.Ordinal)
                || finding.StartsWith("silo/", StringComparison.Ordinal)
                || finding.StartsWith("client/", StringComparison.Ordinal))
            .Where(finding => !finding.StartsWith("silo/Hosting/SiloHost.cs", StringComparison.Ordinal)
                && !finding.StartsWith("client/ClientApplication.cs", StringComparison.Ordinal)));

    [Fact]
    public void No_name_says_helper_manager_or_util() =>
        Assert.Empty(Repository.SourceFiles.Where(file => VagueName().IsMatch(Path.GetFileNameWithoutExtension(file))));

    [Fact]
    public void A_file_is_named_after_a_type_it_holds() =>
        Assert.Empty(Repository.SourceFiles
            .Where(file => Path.GetFileName(file) is not ("Program.cs" or "GlobalUsings.cs" or "AssemblyInfo.cs"))
            .Where(file => TypeName().IsMatch(File.ReadAllText(Path.Combine(Repository.Root, file))))
            .Where(file => !HoldsItsType(file)));

    [Theory]
    [InlineData("Panels.cs", true, "IPanels", "RowPanels")]
    [InlineData("Reports.cs", true, "StepReport", "SampleReport")]
    [InlineData("StepReport.cs", true, "StepReport", "Reason")]
    [InlineData("Reports.cs", false, "StepReport", "Reason")]
    [InlineData("Report.cs", false, "StepReport", "SampleReport")]
    [InlineData("SpecificationParts.cs", false, "ModelReference", "DatasetReference")]
    public void The_naming_rule_tells_families_from_collections(string file, bool isNamed, params string[] types) =>
        Assert.Equal(isNamed, IsNamedAfter(file, types));

    [Theory]
    [InlineData("    // TO" + "DO: later", true)]
    [InlineData("        Thread." + "Sleep(10);", true)]
    [InlineData("#pragma warning " + "disable CA1000", true)]
    [InlineData("        var done = Wait();", false)]
    public void What_is_left_undone_or_hidden_is_seen(string line, bool isUnwanted) =>
        Assert.Equal(isUnwanted, Unwanted().IsMatch(line));

    [Theory]
    [InlineData("var now = TimeProvider.System.GetUtcNow();", true)]
    [InlineData("var now = DateTime.Now;", true)]
    [InlineData("this.time = time ?? TimeProvider.System;", false)]
    public void The_real_clock_is_seen(string line, bool isReal) => Assert.Equal(isReal, RealClock().IsMatch(line));

    [Theory]
    [InlineData("RunManager", true)]
    [InlineData("StringUtils", true)]
    [InlineData("Runs", false)]
    public void A_vague_name_is_seen(string name, bool isVague) => Assert.Equal(isVague, VagueName().IsMatch(name));

    [Fact]
    public void The_length_of_a_method_is_seen()
    {
        string[] file = ["class A", "{", "    void M()", "    {", "        N();", "        N();", "    }", "}"];
        Assert.Equal([(4, 2)], MethodLengths(file));
    }

    private static bool HoldsItsType(string file)
    {
        var types = TypeName().Matches(File.ReadAllText(Path.Combine(Repository.Root, file)));
        return IsNamedAfter(file, [.. types.Select(match => match.Groups[1].Value)]);
    }

    /// <summary>
    /// A file is named after one of its types, or after the family that all of them belong to: what <c>Reports</c>
    /// holds are reports by their own names, <c>StepReport</c> and <c>SampleReport</c>.
    /// </summary>
    private static bool IsNamedAfter(string file, IReadOnlyCollection<string> types)
    {
        var expected = Path.GetFileName(file).Split('.')[0];
        return types.Contains(expected)
            || (FamilyWord().Match(expected) is { Success: true } family
                && types.All(type => type.EndsWith(family.Groups[1].Value, StringComparison.Ordinal)
                    || type.EndsWith(family.Value, StringComparison.Ordinal)));
    }

    private static IEnumerable<string> Findings(Func<string, bool> isBad) =>
        from file in Repository.SourceFiles
        where !file.EndsWith("Architecture.Tests/TidyTests.cs", StringComparison.Ordinal)
        from line in Repository.Lines(file).Select((text, index) => (text, number: index + 1))
        where isBad(line.text)
        select $"{file}:{line.number}: {line.text.Trim()}";

    /// <summary>
    /// Blocks that begin one level inside a type: from the line of the opening brace to its partner at the same
    /// indentation. Nested types are one level deeper; both levels are measured, types themselves are not.
    /// </summary>
    private static IEnumerable<(int FirstLine, int Length)> MethodLengths(string[] lines)
    {
        for (var index = 1; index < lines.Length; index++)
        {
            if (lines[index] is not ("    {" or "        {") || IsTypeOrBlock(lines, index))
                continue;
            var closing = lines[index].Replace('{', '}');
            var end = Array.FindIndex(lines, index, line => line.StartsWith(closing, StringComparison.Ordinal));
            if (end > index)
                yield return (index + 1, end - index - 1);
        }
    }

    private static bool IsTypeOrBlock(string[] lines, int brace)
    {
        var header = lines[brace - 1];
        for (var back = brace - 1; back > 0 && header.Trim().StartsWith(':'); back--)
            header = lines[back - 1];
        return TypeName().IsMatch(header);
    }

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|NotImplementedException|Thread\.Sleep)\b|#region|#pragma warning disable")]
    private static partial Regex Unwanted();

    [GeneratedRegex("(Helper|Manager|Utils?|Iteration)s?$")]
    private static partial Regex VagueName();

    [GeneratedRegex(@"(?<!\?\? |init; } = )TimeProvider\.System|\bDateTime(Offset)?\.(Utc)?Now\b")]
    private static partial Regex RealClock();

    [GeneratedRegex("([A-Z][a-z0-9]*)s$")]
    private static partial Regex FamilyWord();

    [GeneratedRegex(@"\b(?:class|struct|interface|enum|record(?: struct)?) ([A-Z][A-Za-z0-9]*)")]
    private static partial Regex TypeName();
}

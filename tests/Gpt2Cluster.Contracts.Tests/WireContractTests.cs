using System.Reflection;

namespace Gpt2Cluster.Contracts.Tests;

/// <summary>
/// Holds what travels between silos and clients against a list: who changes it sees what changes, and for whom.
/// </summary>
public sealed class WireContractTests
{
    private const string ListName = "wire-contract.txt";

    [Fact]
    public void The_wire_contract_is_the_one_that_is_listed()
    {
        var listed = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, ListName)).ReplaceLineEndings("\n");
        var actual = WireContract.Write();
        if (actual == listed)
            return;
        var found = Path.Combine(AppContext.BaseDirectory, ListName + ".actual");
        File.WriteAllText(found, actual);
        Assert.Fail(
            $"What silos and clients say to each other is not what {ListName} lists:\n"
            + string.Join('\n', Differences(listed.Split('\n'), actual.Split('\n')))
            + $"\nIf that is meant, renew the list: cp {found} tests/Gpt2Cluster.Contracts.Tests/{ListName}");
    }

    [Fact]
    public void Every_grain_method_and_record_has_an_alias()
    {
        var members = WireContract.Grains.Concat(WireContract.Records)
            .Concat<MemberInfo>(WireContract.Grains.SelectMany(grain => grain.GetMethods()));
        Assert.Empty(members.Where(member => member.GetCustomAttribute<AliasAttribute>(inherit: false) is null));
    }

    [Fact]
    public void No_number_names_two_fields() =>
        Assert.Empty(WireContract.Records
            .Where(record => WireContract.Fields(record).GroupBy(field => field.Id).Any(group => group.Count() > 1)));

    /// <summary>Of a record of another project only what its primary constructor takes travels.</summary>
    [Fact]
    public void Nothing_of_a_record_stays_behind_unsaid() =>
        Assert.Equal(["CoordinatorInput.At", "StoredRecord.Unknown"], WireContract.Records.SelectMany(record =>
            record.GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly)
                .Where(property => property.SetMethod is not null)
                .Select(property => property.Name)
                .Except(WireContract.Fields(record).Select(field => field.Name))
                .Select(name => $"{record.Name}.{name}")));

    private static IEnumerable<string> Differences(string[] listed, string[] actual) =>
        listed.Except(actual).Select(line => "- " + line).Concat(actual.Except(listed).Select(line => "+ " + line));
}
